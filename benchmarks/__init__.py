"""Workloads run side by side with tensorxp's peers: `python -m benchmarks`."""
