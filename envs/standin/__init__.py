"""A server that speaks the protocol of CARLA 0.9.16 to the genuine client."""
