"""The gateway: no acknowledged message is lost, every stored value is checked, every refusal has a reason.

intake/      takes messages from the broker into memory, and acknowledges    stores/  where points are kept
ingest/      from the spool to checked points: the life of a message
indicators/  counts a day's figures   lots/     what traceability asks of the store
control/     advice, alarms, commands to devices          brokers/  the broker of `hoiquan up`
doctor/      looks at each part and says what to do        audit/  who did what

    MQTT ─► intake, ingest ─► stores ─► indicators, lots, control
                      └─ books, quarantine        clerk/: indicators, roster, books ─► stores

service.py   joins the parts              health.py metrics.py  a running gateway's health and figures
instance.py  the files of each gateway    preview.py  what the gateway would make of one message
past.py      writes a simulated past straight to a store
probing.py asking.py  choose a device's probe file, or ask a person and write one
launch.py actuators.py alarms.py commands.py  the other commands: `hoiquan gateway`, `device command` …
"""
