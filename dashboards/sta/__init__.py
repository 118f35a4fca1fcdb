"""OGC SensorThings API v1.1, read-only, at /sta/v1.1: one interface for QGIS, LGSP and other centres.

store ─► network.py (things, datastreams, places; numbers.py keeps their ids) ──┐
store ─► hours.py (observations: a datastream by the hour) ─────────────────────┴► reader.py ─► routes.py
path ─► address.py    query ─► options.py ─► filters.py (grammar.py, shapes.py) ─┘
sets.py: the eight sets, their fields, and where they lead
"""
