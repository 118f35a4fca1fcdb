"""Takes messages from the broker into memory and acknowledges them; `ingest` processes them.

    MQTT ─► link ─► receive ─► arrivals ─► ingest's spool ─► receive.ack ─► link
                       └─► heartbeat: does the broker still answer?

link.py      paho's client, which reads and acknowledges in bulk
receive.py   the subscriptions, the acknowledgements of each connection, what the broker refuses
arrivals.py  messages that have come and are not spooled yet, a limited number of bytes
"""
