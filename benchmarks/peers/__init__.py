"""The parts of `benchmarks/gateway.py`: one module per compared gateway, and the road they share."""
