"""The farm diary: what may be written down, how it is kept, and what it forbids.

entries.py  the fields of each kind of event     file.py, tables.py  trace.sqlite, mended where damaged
season.py   what a harvest rests on: intervals, inputs, yields
"""
