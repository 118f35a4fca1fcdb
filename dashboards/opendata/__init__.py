"""Open data at /api/v1/: every value with its unit, time and licence.

figures ─► gather.py (rows as rows.py describes them) ─► routes.py (lists) ─► answer.py (pages, CSV, caches)
                                                    └──► files.py (whole CSV and GeoJSON files)
catalog.py (what there is, by DCAT-AP) ─► rdf.py (JSON-LD, Turtle, RDF/XML)
"""
