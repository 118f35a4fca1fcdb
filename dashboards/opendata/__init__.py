"""Open data at /api/v1/: every value with its unit, time and licence.

figures ─► routes.py ─► rows.py (as OpenAPI describes them) ─► answer.py (pages, CSV, caches)
"""
