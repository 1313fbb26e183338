"""Settings for all tests: Hypothesis draws the same examples in every run; backends."""

import os

import numpy as np
import pytest
from backends import BACKENDS, Moved
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")  # pictures need no screen

settings.register_profile("dev", derandomize=True, deadline=None, max_examples=25)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")


@pytest.fixture(scope="module", params=BACKENDS)
def every_backend(request):
    """Run a module on each array library: data go in as its arrays, results come out as NumPy's.

    All between the two is computed where the library keeps its arrays.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.param is not np.asarray:
            Moved(request.param).patch(patch)
        yield request.param
