"""What an agricultural officer sees, in Vietnamese and in English: boards, pages, report, open data.

boards/      Grafana as code ─► json/, alerts/ ─► provisioning/ (Grafana reads it when it starts)
pages/       for machines without Grafana: the overview at /, /place/{id}, /check; /healthz and /metrics
opendata/    /api/v1/        sta/   SensorThings at /sta/v1.1        report/   the yearly report, /report.pdf
map/         draws the map of the places for the overview

figures.py   reads the store for pages, report and open data       wording.py    turns figures into sentences
kept.py      reads slow data once for all readers                  scenarios.py  /scenarios
progress.py  how the targets stand, read once for overview and open data
site.py      joins them in one app           commands.py  `hoiquan report`, `hoiquan dashboards`
earlier.py   the overview as an earlier run drew it, shown until this run has drawn its first
newest_file.py  the newest values of a large store, kept for the next start
"""
