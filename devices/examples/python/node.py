"""A node in Python: a Raspberry Pi, or a logger's own computer. Needs paho-mqtt 2 (`pip install paho-mqtt`).

    hoiquan device enroll --community tam-que --model soil-probe --id my-pi --json > ticket.json
    hoiquan ca > ca.pem                        # where ticket.json says "tls": true
    python node.py ticket.json

Replace `measure`. A reading that cannot be sent waits in memory with its time, and is sent when the broker is
back; `boot` and `seq` make a reading that is sent twice count once.
"""

import json
import secrets
import sys
import time

from paho.mqtt.client import CallbackAPIVersion, Client

INTERVAL = 600  # seconds, as the model's in devices/README.md


def measure():
    """Signal ids and numbers in the units of devices/README.md; leave out what could not be measured."""
    return {"soil_moisture": 31.5, "soil_temperature": 27.1}


def main(ticket, number=0, interval=INTERVAL):
    """Measure and send, `number` times (0: for ever)."""
    here = ticket["topic"].rpartition("/")[0]
    client = Client(CallbackAPIVersion.VERSION2, client_id=ticket["user"])
    client.username_pw_set(ticket["user"], ticket["password"])
    if ticket["tls"]:
        client.tls_set(ca_certs=ticket["ca"])
    client.max_queued_messages_set(2016)  # two weeks, one each ten minutes
    client.will_set(f"{here}/status", '{"state":"offline"}', qos=1, retain=True)

    def connected(client, _, __, reason, ___):
        print("broker:", reason, file=sys.stderr)  # "Not authorized": a wrong or revoked password
        if not reason.is_failure:
            client.publish(f"{here}/status", '{"state":"online"}', qos=1, retain=True)
            client.subscribe(f"{here}/rejected")

    client.on_connect = connected
    client.on_message = lambda _, __, message: print("refused:", message.payload.decode(), file=sys.stderr)
    client.connect_async(ticket["host"], ticket["port"])
    client.loop_start()
    sent, acknowledged = set(), set()  # numbers of messages
    client.on_publish = lambda _, __, mid, *___: acknowledged.add(mid)
    boot, seq = secrets.token_hex(4), 0
    while True:
        reading = {"ts": round(time.time() * 1000), "boot": boot, "seq": seq, "values": measure()}
        sent.add(client.publish(ticket["topic"], json.dumps(reading), qos=1).mid)
        seq += 1
        if seq == number:
            break
        time.sleep(interval)
    while not sent <= acknowledged:
        time.sleep(0.1)
    client.publish(f"{here}/status", '{"state":"offline"}', qos=1, retain=True).wait_for_publish(30)
    client.loop_stop()  # before the goodbye, which may end paho's thread just as it is waited for
    client.disconnect()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        main(json.load(file), *map(int, sys.argv[2:]))
