"""The vocabulary that simulator, gateway, records and boards share; it imports none of them.

contract/    what a device may say and hear: signals, payloads, topics, diary
pilots/      a province's file: targets, places, rules
access/      who may speak: registry, enrolment, the broker's accounts
probes/      what a maker's device says, in our words: files of data
web/         the frame of all pages: language, headers, templates

settings.py  HOIQUAN_* variables         credentials.py  accounts and passwords   clock.py  times and days
texts.py     every sentence a person reads (texts.yaml)
broker_url.py  a broker's address        installation.py  the folder that `hoiquan up` runs on
terminal.py  how a command asks, prints and refuses     files.py  paths, durable files
processes.py several as one              commands.py  `hoiquan device …`
errors.py    what content may make our code raise        salvage.py  a damaged SQLite file
"""
