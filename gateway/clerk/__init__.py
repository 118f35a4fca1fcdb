"""The gateway's regular paperwork: what the boards need beside the readings.

clerk.py: each sheet in its turn ─► books.py  indicators.py  hours.py ─► store
"""
