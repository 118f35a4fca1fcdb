"""From the broker into memory, and the acknowledgement back; what becomes of a message then is `ingest`.

    MQTT ─► link ─► receive ─► arrivals ─► whoever spools them ─► receive.ack ─► link
                       └─► heartbeat: does the broker still answer?

link.py      paho's client, which reads and acknowledges in bulk
receive.py   what is subscribed to, whose acknowledgement it is, what the broker refuses
arrivals.py  what has come and is not spooled yet, within its bytes
"""
