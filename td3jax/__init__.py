"""Stable TD3 from pixels: pure, jitted functions of (config, state, batch)."""
