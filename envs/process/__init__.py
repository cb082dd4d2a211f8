"""Processes of ours: the simulator server, and the watched child that holds the client."""
