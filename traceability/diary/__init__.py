"""The farm diary: what may be written down, how it is kept, and what it forbids.

entries.py  the fields of each kind of event     file.py  trace.sqlite, mended where damaged
schema.py, rows.py ─► tables.py  all that is asked of it       corrections.py  the same as corrected
reader.py  for those who only show it            acts.py  when an entry was sealed or took effect
shown.py   whether those who count lots were shown them, as they are
aside.py   entries that nobody could work on
slots.py   when a lot is told of, where two would share a moment or one moved
season.py   what a harvest rests on: intervals, inputs, yields
"""
