"""What holds for all tests."""

from hypothesis import settings

# Time is measured in benchmarks, never in tests.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
