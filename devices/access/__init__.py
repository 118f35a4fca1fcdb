"""Who may connect: enrolled devices, how they prove who they are, and what the broker is told of them.

enrol ─► registry.py (many at once: roll.py) ─► database.py (SQL) ─► mosquitto.py (passwords, rules) ─► broker
            ├─► acts.py: who did that, in the same transaction
            └─► ticket.py: what a technician needs  └─► roster.py: who may connect, in memory
site.py: a device's probe file and the values of its place    authority.py: the CA that a device trusts
"""
