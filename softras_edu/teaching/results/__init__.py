"""Readers of the measurements that are committed in benchmarks/results, and the figures that show them."""
