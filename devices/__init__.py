"""The vocabulary that simulator, gateway, records and boards share; it imports none of them.

contract/    what a device may send and receive: signals, payloads, topics, diary
pilots/      a province's file: targets, places, rules
access/      who may connect: registry, enrolment, the broker's accounts
probes/      probe files, which turn the payload of a maker's device into our signals
web/         the frame of all pages: language, headers, templates
command_line/  the tree of commands, their help pages, and what cannot be read of a command line

settings.py  HOIQUAN_* variables         credentials.py  accounts and passwords   clock.py  times and days
texts.py     every sentence a person reads (texts.yaml)
broker_url.py  a broker's address        installation.py  the folder that `hoiquan up` runs on
terminal.py  how a command asks, prints and refuses     files.py  paths, durable files
processes.py several processes run as one    commands.py  `hoiquan device …`
errors.py    errors that content may cause in our code  salvage.py  a damaged SQLite file
"""
