"""What an agricultural officer sees, in Vietnamese and in English: boards, overview, report, open data.

queries.py       InfluxQL, every name checked against gateway/points.py
style.py         the house style: colours, units, thresholds, legends, ids
frame.py         variables and links of every board
readings.py      panels of a signal          indicator.py   panels of an indicator
targets.py, community.py, water.py, trace.py, quality.py, operations.py     one board each
alerts.py        alert rules, their thresholds out of the pilot file
build.py         writes json/, alerts/, and says which files are stale
provisioning/    what Grafana reads at its start: the data source, where the boards are, whom to tell

texts.yaml ─┐
points.py ──┴─► queries ─► readings, indicator ─► the six boards ─► build ─► json/{vi,en}/*.json ─► Grafana
                 style, frame ────────────────────────┘

figures.py       what page, report and open data show, out of the store
overview.py      the page at /, for machines without Grafana
api.py           open data at /api/v1/: open_rows say what is in it, open_answer pages, CSV and caches
report.py        the yearly report: yearly ─► report (wording, drawing) ─► paper (PDF), plain (Markdown)

A board is never edited in Grafana or in json/: change the code, then `hoiquan dashboards build`.
"""
