"""Grafana boards as code: what an agricultural officer sees, in Vietnamese and in English.

queries.py       InfluxQL, every name checked against gateway/points.py
style.py         the house style: colours, units, thresholds, legends, ids
targets.py       the board “Chỉ tiêu”: how far the province is from its targets
build.py         writes json/vi and json/en, and says which files are stale
provisioning/    what Grafana reads at its start: the data source and where the boards are

texts.yaml ─┐
points.py ──┴─► queries ─► targets ─► build ─► json/{vi,en}/*.json ─► Grafana ─► InfluxQL ─► InfluxDB
                 style ──────┘                  provisioning/*.yaml ─────┘

A board is never edited in Grafana or in json/: change the code, then `hoiquan dashboards build`.
"""
