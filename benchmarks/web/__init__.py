"""What the benchmarks of pages share: a server with something to show, and a client that takes the time.

lots.py sealed lots, site.py pages over a store ─► server.py a process of its own ◄─ client.py timed requests
"""
