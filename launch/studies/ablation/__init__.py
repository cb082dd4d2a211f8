"""The fault that made actor Q explode, injected on purpose, against every remedy."""
