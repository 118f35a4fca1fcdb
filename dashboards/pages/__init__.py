"""Pages for machines without Grafana: no script, printable.

overview.py  / (map.py: places; kept.py: read before anybody asks)
state.py     /healthz and /metrics (gateways.py)
check.py     paste a message, read what is wrong with it
"""
