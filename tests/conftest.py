"""Settings for all tests: Hypothesis draws the same examples in every run."""

from hypothesis import settings

settings.register_profile("dev", derandomize=True, deadline=None, max_examples=25)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")
