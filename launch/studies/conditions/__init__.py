"""Runs whose condition is known, made by ours and by others' trainers, and how they are judged."""
