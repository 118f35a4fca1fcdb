"""Probes: how a maker's device words our signals. They are data, not code: a maker is a file of `makers/`, a
network server a file of `envelopes/`.

envelope.py   what a network server puts around a message      path.py      where a value stands
probe.py      the form of a probe file                         units.py     what its number means
shelf.py      all known probes                                 reader.py    object ─► values, pure
telemetry.py  which probe reads a message                      counters.py  totals ─► what came since
findings.py   what is wrong with a payload, field by field     meant.py     and what would be right
learn.py      messages of an unknown device ─► a probe file   number.py    a number written as text

    bytes ─► envelope.open ─► object ─► reader(probe, values of the place) ─► values, totals of counters
"""
