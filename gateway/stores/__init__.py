"""The store: one port (`store.Store`), two adapters that pass the same tests, one module for all names.

points.py (measurements, tags, fields) ─► store.Store ─┬─► influx.py   InfluxDB; answers.py: its answers;
                                                       │               grants.py: its tokens
                                                       └─► sqlite.py   one file, for `hoiquan up`;
                                                                       series.py: its series;
                                                                       turns.py: its fair lock
newest.py: the newest values, for callers that ask again and again
waiting.py: what a loop logs while it has to wait for a store, a disk or the registry
"""
