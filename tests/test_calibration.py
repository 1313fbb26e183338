"""Intervals hold the truth as often as they say: precisions, clusters, truncations, removal.

`benchmarks/calibration.py` holds the cases and prints the full table of them.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
calibration = importlib.import_module("calibration")
sys.path.pop(0)

# some spectra are so flat for some methods that zero is closer: their intervals must hold too
pytestmark = pytest.mark.filterwarnings("ignore::sketch.AccuracyWarning")

SEEDS = range(40)
UNLIKELY = 1e-6  # of some 600 checks; right intervals fail less than one of them in 1000 draws
SPECTRA = ("one residual direction", "clusters", "one sign")
CASES = [
    (method, spectrum, dtype)
    for method, spectrum, dtype in calibration.CASES
    if method != "components, after removal"
    and dtype != "float64"
    and (spectrum in SPECTRA or (method == "STTA" and spectrum == "steep"))
]
ALWAYS = ("components", "components, after removal")


@pytest.mark.parametrize(("method", "spectrum", "dtype"), CASES)
def test_intervals_hold_the_truth_as_often_as_they_say(method, spectrum, dtype):
    found = calibration.trials(method, spectrum, dtype, SEEDS[:: 3 if method in ALWAYS else 1])
    for what in {trial.what for trial in found}:
        some = [trial for trial in found if trial.what == what]
        for number, level in enumerate(calibration.LEVELS):
            missed = sum(not trial.holds(number) for trial in some)
            allowed = 0 if method in ALWAYS else binom.isf(UNLIKELY, len(some), 1 - level)
            assert missed <= allowed, (what, level, missed)
        estimates = np.array([trial.estimate for trial in some])
        assert np.all(np.isfinite(estimates))
