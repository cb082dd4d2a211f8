"""A training run: loop, collector, learner, checkpoints, logs, evaluation."""
