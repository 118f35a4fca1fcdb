"""The life of a message, from the spool to checked points; the loop to read first is `pipeline.Pipeline`.

    intake ─► spool (fsync) ─► ack ─► decode ─► checks ─► batch ─► stores
                               │                      │  └─ fresh, seen: was it here before? held: stored?
                               ├─► answers to commands: `control.answers`
                               │                      ├─► diary events ─► who keeps them
                               └─ quarantine ◄────────┴─ refused, and told on `rejected` (telling.py)

seen.py      a device's memory: times.py its newest times, contents.py what its numbers said, both packed
spool.py     what is safe on disk               spoolfile.py  its file, how it is opened and mended
faults.py    defects of our own that content met
"""
