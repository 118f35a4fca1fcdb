"""The store: one port (`store.Store`), two adapters that pass the same tests, one place for names.

points.py (measurements, tags, fields) ─► store.Store ─┬─► influx.py   InfluxDB; answers.py: what it says;
                                                       │               grants.py: its tokens
                                                       └─► sqlite.py   one file, for `hoiquan up`: series.py;
                                                                       turns.py: who reads it next
newest.py: what was said last, for who asks either again and again
"""
