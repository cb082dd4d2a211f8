"""The driving task as pure functions: route, observation, reward, metrics. No carla import."""
