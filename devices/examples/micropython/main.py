# A node in MicroPython, for an ESP32 with a capacitive soil probe on pin 34.
#   mpremote mip install umqtt.simple
#   mpremote cp main.py ticket.json wifi.json :
# ticket.json is what `hoiquan device enroll … --json` prints; wifi.json is {"ssid":"…","password":"…"}.
# With TLS (ticket.json says "tls": true) copy ca.pem as well: `hoiquan ca > ca.pem`.
#
# It has no clock that survives a power cut, so it sends no "ts": the gateway takes the time of arrival. What
# cannot be sent is lost then; `boot` and `seq` let the gateway count how much.
import json
import os
import time

import machine
import network
from umqtt.simple import MQTTClient

INTERVAL = 600  # seconds, as the model's in devices/README.md
# Assumption: what this probe gives in air and in water; measure yours.
DRY, WET, SATURATED = 3100, 1300, 45.0


def load(name):
    with open(name) as file:
        return json.load(file)


def measure(probe):
    share = (DRY - probe.read()) / (DRY - WET)
    return {"soil_moisture": round(min(max(share, 0), 1) * SATURATED, 1)}


def join(wifi):
    station = network.WLAN(network.STA_IF)
    station.active(True)
    if not station.isconnected():
        station.connect(wifi["ssid"], wifi["password"])
        for _ in range(100):
            if station.isconnected():
                break
            time.sleep(0.2)
    return station


def secure(ticket):
    if not ticket["tls"]:
        return None
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations("ca.pem")
    return context


def send(ticket, message):
    user = ticket["user"]
    client = MQTTClient(
        user, ticket["host"], ticket["port"], user, ticket["password"], keepalive=60, ssl=secure(ticket)
    )
    client.connect()
    client.publish(ticket["topic"], json.dumps(message), qos=1)
    client.disconnect()


def main(number=0):
    ticket, wifi = load("ticket.json"), load("wifi.json")
    probe = machine.ADC(machine.Pin(34))
    boot = "".join("%02x" % byte for byte in os.urandom(4))
    seq = 0
    while True:
        station = join(wifi)
        values = measure(probe)
        values["rssi"] = station.status("rssi")
        try:
            send(ticket, {"boot": boot, "seq": seq, "values": values})
        except OSError as error:
            print("not sent:", error)
        seq += 1
        if seq == number:
            return
        time.sleep(INTERVAL)


if __name__ == "__main__":
    main()
