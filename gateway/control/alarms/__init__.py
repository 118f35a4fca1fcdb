"""Alarms without Grafana: the same rules, asked of the store each minute, shown on the pages, sent to people.

rules.py ─► numbers.py (what the store says) ─► states.py (begins, lasts, ends) ─► watch.py ─┬─► store: pages
                                                      texts ─► message.py ───────────────────┴─► sending.py
"""
