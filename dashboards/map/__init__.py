"""The map of the places, drawn as SVG: no tiles from the net.

pages.marks ─► picture.py (frame, marks apart, names where there is room) ─► overview
land.json ─► land.py (province of today and before, rivers) ─┤                deploy/land makes land.json
                                                             └► files.py ─► dashboards/maps, for Grafana
"""
