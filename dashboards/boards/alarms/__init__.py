"""Grafana's alarms as code: when something is said, and how.

devices/pilots/{pilot}.yaml, alarms ─► rules.py ─┬─► ../../alerts/{lang}/{pilot}.yaml ─► Grafana
devices/texts.yaml ────────────► messages.py ────┘
now.py: what is in alarm, for the boards
"""
