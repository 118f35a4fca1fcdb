"""The gateway: what was acked is never lost, what is stored was checked, what is refused says why.

intake/      from the broker into memory, and the acknowledgement back  stores/  where points are kept
ingest/      from the spool to checked points: the life of a message
indicators/  what a day counts        lots/     what traceability asks of the store
control/     advice, and commands down          brokers/  the broker of `hoiquan up`
doctor/      looks at each part and says what to do

    MQTT ─► intake, ingest ─► stores ─► indicators, lots, control
                      └─ books, quarantine        clerk/: indicators, roster, books ─► stores

service.py   joins the parts              health.py metrics.py  how a gateway is
instance.py  which files are whose        preview.py  what would become of one message
past.py      a simulated past, straight to a store                               commands.py
probing.py asking.py                     a probe file is found, or asked for and written
"""
