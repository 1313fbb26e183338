"""Every benchmark of the dashboard runs once at its smallest size, so that it never rots."""

from __future__ import annotations

import importlib
import inspect
import itertools
import math
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def smallest():
    """Return the classes of all suites with all their parameters at the smallest sizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKETCH_BENCH", "smallest")
        patch.syspath_prepend(str(BENCHMARKS))
        for path in sorted((BENCHMARKS / "suites").glob("*.py")):
            module = importlib.import_module(f"suites.{path.stem}")
            for name, cls in inspect.getmembers(module, inspect.isclass):
                if cls.__module__ == module.__name__ and getattr(cls, "params", None):
                    for choice in itertools.product(*cls.params):
                        yield pytest.param(cls, choice, id=f"{path.stem}.{name}-{choice}")
        for name in [name for name in sys.modules if name.split(".")[0] == "suites"]:
            del sys.modules[name]


@pytest.mark.parametrize(("cls", "choice"), list(smallest()))
@pytest.mark.filterwarnings("default")  # of the peers
def test_a_benchmark_runs(cls, choice):
    case = cls()
    if hasattr(case, "setup"):
        try:
            case.setup(*choice)
        except NotImplementedError as missing:
            pytest.skip(str(missing))
    tracked = [name for name in dir(case) if name.startswith("track_")]
    assert tracked
    for name in tracked:
        value = getattr(case, name)(*choice)
        assert math.isnan(value) or -2 < value < 1e6
    if hasattr(case, "time_run"):
        case.time_run(*choice)
    if hasattr(case, "teardown"):
        case.teardown(*choice)
