"""The farm diary: what may be written down, how it is stored, and which harvests it forbids.

entries.py  the fields of each kind of event     file.py  opens trace.sqlite, mends it if damaged
schema.py, rows.py ─► tables.py  all queries and writes        corrections.py  the diary as corrected
reader.py  read-only access for other processes  acts.py  when an entry was sealed or took effect
shown.py   which outcomes were published, and which must be published again
aside.py   entries that our own code failed on
slots.py   a lot's timestamp in the store, where two lots share a time or one was moved
season.py  the facts about a harvest: intervals, inputs, yields
"""
