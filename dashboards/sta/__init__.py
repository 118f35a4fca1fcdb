"""OGC SensorThings API v1.1, read-only, at /sta/v1.1: one interface for QGIS, LGSP and other centres.

store ─► network.py (things, datastreams, places; numbers.py keeps their ids) ──┐
store ─► hours.py (observations: a datastream by the hour) ─────────────────────┴► reader.py ─► routes.py
address ─► options.py ─► filters.py (parsed by grammar.py) ──────────────────────┘
"""
