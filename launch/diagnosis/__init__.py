"""The verdict on a run: measures, limits, gates, likely causes, report."""
