"""Measurements on one machine, beside others in the same run where there are others. Each is a program.

    messages   gateway.py     our gateway beside Telegraf and Node-RED: rate, losses, latency
               decoding.py    CPU time of decoding and checking a message, by kind
               links.py       connections that one process of the simulator holds
               simulator.py   readings generated, stored and published
    memory     weight.py      a gateway, and each process of `hoiquan up`
    pages      pages.py       a lot's page, at a fixed rate and beside slow clients
               views.py       overview and places with a year in the store
               boards.py      queries of Grafana's boards with a year, or a month of a province, in the store
    growth     growth.py      jobs, enrolment, memory and pages of ten and a hundred times as many devices
               log.py         the transparency log up to a million leaves
    start      startup.py     the command before it does anything
    faults     kills.py       kill -9 of every part on the way of a reading; what is lost, doubled, altered
               interrupts.py  Ctrl-C at any moment of `hoiquan up`
               fuzz.py        mutated bytes to everything that reads a message
    rightness  checks.py      faults of the simulator that the checks find, and false alarms
               probes.py      makers' devices that our probe files read completely

Run them one after the other: what else the machine does shows in every time. Compare within one run.
What they share: command.py (options), web/ (a server and a client), stores/ (filled stores), installations/
(what kills.py kills), peers/ (gateways, broker and store under measurement).
"""
