"""Benchmarks against peers: one module per suite, contestants in processes of their own."""
