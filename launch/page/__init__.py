"""The page of a run, an evaluation or a diagnosis: one HTML file with everything inside."""
