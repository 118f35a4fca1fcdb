"""The parts of `benchmarks/gateway.py`: one module per compared gateway, the broker and store that they share
(`testbed.py`), and what is measured of each. Other benchmarks use `processes.py` and `mqtt_peer.py` too.
"""
