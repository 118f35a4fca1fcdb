"""The gateway: what was acked is never lost, what is stored was checked, what is refused says why.

    MQTT ─► receive ─► spool (fsync, ack) ─► decode ─► checks ─► store: influx or sqlite
                         │                     │  └─ seen: was it here before?
                         │                     ├─► diary events ─► whoever keeps them
                         │                     └─► refused ─► quarantine (in the spool) + `rejected`
                         └─ books                        clerk: indicators, roster, books ─► store

The loop to read first is `pipeline.Pipeline`; `service` joins the parts. `house_broker` is the broker of
`hoiquan up`: `mosquitto` where it is installed, else `broker`, amqtt mended, with `access`, who may speak.
`growth` answers the traceability side from the store, `preview` says what would become of one message.

`fresh` sorts the readings of a message, `held` asks the store what memory cannot tell, `batch` takes out of
a batch what is known or refused; `faults` counts what our own code stumbled over.
`advice` holds the pilot's rules against readings, `advisor` acts on it, `dispatch` sends a command and awaits
its answer. `spoolfile` is the spool's file, `health` and `metrics` say how a gateway is, `instance` which
files are whose, `listen` hears the broker beside it, `doctor` says what to do. Beside the `indicators`,
`course` says where they should be and are going, `standing` what else a day leaves behind, `hourly` what an
hour does, `openings` how often records were looked at.
"""
