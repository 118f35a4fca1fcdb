"""What an agricultural officer sees, in Vietnamese and in English: boards, pages, report, open data.

boards/      Grafana as code ─► json/, alerts/ ─► provisioning/ (what Grafana reads at its start)
pages/       for machines without Grafana: the overview at /, /place/{id}, /check; /healthz and /metrics
opendata/    /api/v1/        sta/   SensorThings at /sta/v1.1        report/   the yearly report, /report.pdf
map/         the places as a picture, for the overview

figures.py   what pages, report and open data show, out of the store      wording.py  it, in sentences
kept.py      what takes its time to read, read once for all who ask       scenarios.py  /scenarios
progress.py  how the targets stand, read once for all who show it
left.py      the overview as an earlier run drew it, until the first of this run is drawn
"""
