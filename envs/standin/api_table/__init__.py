"""Which methods of the client's public API this server serves, found out by calling each one."""
