"""Readers of the measurements committed in benchmarks/results, and figures of them."""
