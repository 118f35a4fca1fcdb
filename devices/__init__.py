"""The vocabulary that simulator, gateway, records and boards share; it imports none of them.

signals.py   what is measured, in which unit, within which limits
models.py    which node carries which signals, how often
topics.py    where a message goes        payloads.py  what may stand in it
findings.py  what is wrong with it, field by field, and what would be right
reading.py   what was understood         quality.py   what a check thinks of it
diary.py     what a farmer writes down   bounds.py    which dates are believed, of what
pilot.py     a province: targets, places, fleets, rules (pilots/*.yaml)     advice.py  its rules of advice
certificates.py  what others vouch for: certificates, planting-area codes
review.py    what to think over in a pilot file
orders.py    commands to actuators       ledger.py    the record of them
authority.py the CA of the broker's certificate
registry.py  which devices may speak     credentials.py  how they prove it
roll.py      many of them at once        ticket.py       what a technician needs to connect one
broker_url.py  a broker's address        installation.py  the folder that `hoiquan up` runs on
screen.py options.py paths.py   how a command asks, prints and refuses
errors.py    what content may make our code raise        salvage.py  a damaged SQLite file
settings.py  HOIQUAN_* variables         texts.py     every sentence a person reads

a message on MQTT ─► topics.parse ─► registry.lookup ─► payloads.decode ─► reading.Reading
"""
