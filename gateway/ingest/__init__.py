"""The life of a message, from the spool to checked points. Read `pipeline.Pipeline`, the loop, first.

    intake ─► spool (fsync) ─► ack ─► decode ─► checks ─► batch ─► stores
                               │                      │  └─ fresh, seen: is it new? held: is it stored?
                               ├─► answers to commands: `control.answers`
                               │                      ├─► diary events ─► the diary's keeper
                               └─ quarantine ◄────────┴─ refused; the sender is told on `rejected` (telling)

seen.py      a device's memory: times.py has its newest times, contents.py what its numbers said, both packed
spool.py     the messages that are safe on disk     spoolfile.py  the spool's file: opening, mending, limits
faults.py    defects of our own code that a message's content triggered
"""
