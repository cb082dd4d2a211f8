"""Replay on the host: the buffer, its ring of arrays, rewards when sampled, files."""
