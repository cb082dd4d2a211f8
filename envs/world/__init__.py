"""Everything that touches the carla client: connection, actors, sensors, traffic."""
