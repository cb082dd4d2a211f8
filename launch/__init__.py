"""Commands: training, evaluation, diagnosis."""
