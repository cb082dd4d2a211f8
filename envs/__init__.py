"""The driving environment over the CARLA client, and a stand-in server for it."""
