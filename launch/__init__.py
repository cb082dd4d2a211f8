"""What a person starts: training, evaluation, diagnosis."""
