"""The gateway's regular paperwork: what the boards need besides the readings.

clerk.py: runs each sheet in turn ─► books.py  indicators.py (heard.py)  hours.py ─► store
gauges.py: the gateway's own figures, for the books and for Prometheus
"""
