"""Benchmarks: suites, the runner, statistics, and the measurements behind the claims."""
