"""Probes: what a maker's device says, in our words. Data, not code: a maker is a file of `makers/`, a network
server one of `envelopes/`.

envelope.py   what a network server puts around a message      path.py      where a value stands
probe.py      the form of a probe file                         units.py     what its number means
shelf.py      all probes that are known                        reader.py    object ─► values, pure
telemetry.py  which of them reads a message                    counters.py  totals ─► what came since
findings.py   what is wrong with a payload, field by field     meant.py     and what would be right

    bytes ─► envelope.open ─► object ─► reader(probe, values of the place) ─► values, totals of counters
"""
