"""The installations that `benchmarks/kills.py` starts, kills part by part, and questions.

    apart.py      every part a process of its own, as in production
    together.py   `hoiquan up`, which restarts its parts itself

Both are an `Installation` (installation.py), and note on the wire who sent and acknowledged what (tap.py).
"""
