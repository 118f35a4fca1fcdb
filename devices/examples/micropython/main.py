# A node in MicroPython (tried: the unix port of 1.29), for an ESP32 with a capacitive soil probe on pin 34.
#   mpremote mip install umqtt.simple        (before 1.5 its `connect` has no time-out)
#   mpremote cp main.py ticket.json wifi.json :
# ticket.json is what `hoiquan device enroll … --json` prints; wifi.json is {"ssid":"…","password":"…"}.
# With TLS (ticket.json says "tls": true) copy ca.der as well: `hoiquan ca --der --out ca.der`.
#
# A reading waits in memory until the broker has acknowledged it. Its time comes from NTP, which TLS needs
# too, for the dates of the certificate. A node without TLS that gets no time sends each reading once and
# without "ts": the gateway takes the time of arrival, and `boot` and `seq` let it count what is missing.
import json
import os
import time

import machine
import network
import ntptime
from umqtt.simple import MQTTClient

INTERVAL = 600  # seconds, as the model's in devices/README.md
PATIENCE = 10  # seconds that the broker has for each answer
KEPT = 288  # readings that wait at most, those of two days; Assumption: about 50 KB, which an ESP32 has
DAY = 144  # readings between two settings of the clock: the gateway believes no clock that is minutes ahead
# Assumption: what this probe gives in air and in water; measure yours.
DRY, WET, SATURATED = 3100, 1300, 45.0
EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0  # some boards count from 2000


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
        try:
            station.connect(wifi["ssid"], wifi["password"])
        except OSError as error:  # it is connecting already
            print("Wi-Fi:", error)
        for _ in range(100):
            if station.isconnected():
                break
            time.sleep(0.2)
    return station


def set_clock(waiting, known):
    """Whether the time is known now. Readings from before get the time that they were measured at."""
    before = time.time()
    try:
        ntptime.settime()
    except (OSError, ValueError) as error:
        print("no time:", error)
        return known
    if not known:
        for reading in waiting:
            reading[1] += time.time() - before
    return True


def secure(ticket):
    if not ticket["tls"]:
        return None
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    with open("ca.der", "rb") as file:  # MicroPython on an ESP32 takes no PEM
        context.load_verify_locations(cadata=file.read())
    return context


class Patient:
    """A socket that gives the broker PATIENCE for its answer. umqtt removes its socket's time-out at the
    first byte that comes, and waits for a PUBACK as long as anything else comes.
    """

    def __init__(self, sock):
        self.sock, self.deadline = sock, time.time() + PATIENCE
        self.write, self.close = sock.write, sock.close

    def read(self, size):
        if time.time() > self.deadline:
            raise OSError("no answer in time")
        return self.sock.read(size)

    def setblocking(self, on):
        pass


def send(ticket, context, boot, waiting, known):
    """Send the readings that wait, the oldest first; a reading leaves `waiting` when the broker has it."""
    user = ticket["user"]
    client = MQTTClient(
        user, ticket["host"], ticket["port"], user, ticket["password"], keepalive=60, ssl=context
    )
    try:
        client.connect(timeout=PATIENCE)
        sock = client.sock
        while waiting:
            # while the time is unknown, send the newest once: later it would get a wrong time
            seq, at, values = waiting[0] if known else waiting.pop()
            message = {"boot": boot, "seq": seq, "values": values}
            if known:
                message["ts"] = int((at + EPOCH) * 1000)
            client.sock = Patient(sock)
            client.publish(ticket["topic"], json.dumps(message), qos=1)
            if not known:
                break
            waiting.pop(0)
        client.disconnect()
    finally:
        if client.sock:
            client.sock.close()


def main(number=0, interval=INTERVAL):
    ticket, wifi = load("ticket.json"), load("wifi.json")
    context = secure(ticket)
    probe = machine.ADC(machine.Pin(34))
    boot = "".join("%02x" % byte for byte in os.urandom(4))
    waiting = []  # [seq, time, values]
    known = False
    seq = 0
    while True:
        station = join(wifi)
        values = measure(probe)
        if station.isconnected():
            values["rssi"] = station.status("rssi")
        waiting.append([seq, time.time(), values])
        del waiting[:-KEPT]
        if not known or seq % DAY == 0:
            known = set_clock(waiting, known)
        try:
            send(ticket, context, boot, waiting, known)
        except Exception as error:  # noqa: BLE001 -- umqtt's own, IndexError, AssertionError; TLS: ValueError
            print("not sent:", repr(error))
        seq += 1
        if seq == number:
            return
        time.sleep(interval)


if __name__ == "__main__":
    main()
