"""The parts of `benchmarks/gateway.py`: one module for each gateway that is compared, and what they share."""
