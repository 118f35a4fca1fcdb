"""Grafana's alert rules as code: when an alarm fires, and what its message says.

devices/pilots/{pilot}.yaml, alarms ─► rules.py ─┬─► ../../alerts/{lang}/{pilot}.yaml ─► Grafana
devices/texts.yaml ────────────► messages.py ────┘
now.py: queries for what is in alarm now, for the boards
"""
