"""Probes: what a maker's device says, in our words. Data, not code: a maker is a file of `makers/`.

path.py    where a value stands      units.py   what its number means
probe.py   the form of a probe file  shelf.py   all that are known, and what is wrong with one
reader.py  object ─► values, pure

    object ─► reader(probe, values of the place) ─► values, totals of counters
"""
