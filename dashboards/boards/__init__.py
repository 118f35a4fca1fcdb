"""Grafana's boards and alarms as code. A board is never edited in Grafana or in json/: change the code, then
`hoiquan dashboards build`.

    devices/texts.yaml (words), gateway/stores/points.py (names)
      └► queries ─► readings, indicator (panels) ─► one module a board ─► build ─► ../json/{vi,en}/
         style, frame, naming ─┘                    alarms/ ────────────┘      ../alerts/{vi,en}/

The boards: targets, community (today: alarms and advice of now), water, trace, quality, operations.
"""
