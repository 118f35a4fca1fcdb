"""The gateway's regular paperwork: what the boards need besides the readings.

clerk.py: runs each sheet in turn ─► books.py  indicators.py  hours.py ─► store
"""
