"""Reading the scalars of any run from its files."""
