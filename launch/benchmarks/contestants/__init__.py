"""The contestants of the benchmark: ours and the peers'."""
