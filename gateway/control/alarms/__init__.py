"""Alarms without Grafana: the same rules, checked against the store every minute, shown and sent to people.

rules.py ─► numbers.py (values in the store) ─► states.py (begin, last, end) ─► watch.py ─┬─► store: pages
                                                        texts ─► message.py ──────────────┴─► sending.py
"""
