"""Who may speak: devices that are enrolled, how they prove who they are, and what the broker is told of them.

enrol ─► registry.py (SQL; many at once: roll.py) ─► mosquitto.py (passwords, rules) ─► broker
             └─► ticket.py: what a technician needs to connect one; authority.py: the CA that it trusts
"""
