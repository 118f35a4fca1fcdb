"""The store: one port (`store.Store`), two adapters that pass the same tests, one module for all names.

points.py (measurements, tags, fields) ─► store.Store ─┬─► influx.py   InfluxDB; server.py: its requests;
                                                       │               influxql.py, answers.py: its languages
                                                       │               and answers; grants.py: its tokens
                                                       └─► sqlite.py   one file, for `hoiquan up`;
                                                                       series.py: its series;
                                                                       storefile.py: opened, shared
                                                                       in turn, mended
heading.py: the mean of directions, for both            opening.py: which of the two
newest.py: the newest values, for callers that ask again and again
waiting.py: what a loop logs while it has to wait for a store, a disk or the registry
"""
