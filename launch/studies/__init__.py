"""Studies over many runs: parity, driving, ablation, endurance."""
