"""Every case of the benchmarks runs at its smallest size, and what is kept of them makes pages."""

from __future__ import annotations

import importlib
import inspect
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sketch.bench import Method, Work, measured

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def imported(name):
    """Return a module of the benchmarks."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


CASES = imported("suites.works")
WORKS = imported("cases").WORKS


@pytest.mark.parametrize("name", WORKS)
@pytest.mark.filterwarnings("default")  # of the peers
def test_every_method_of_a_work_runs_and_has_an_error_where_it_says_so(name):
    work, case = WORKS[name], CASES.benchmark(name, WORKS[name])()
    for method in work.methods:
        if method not in work.installed:
            with pytest.raises(NotImplementedError, match="not installed"):  # asv skips it then
                case.setup(method, work.sizes[0])
            continue
        case.setup(method, work.sizes[0])
        if work.error is None or not work.methods[method].approximates:
            case.time_run(method, work.sizes[0])
        else:
            assert 0 <= case.track_error(method, work.sizes[0]) < 2


def test_asv_finds_every_work():
    classes = [cls for _, cls in inspect.getmembers(CASES, inspect.isclass) if hasattr(cls, "work")]
    assert {id(cls.work) for cls in classes} == {id(work) for work in WORKS.values()}
    for cls in classes:
        assert cls.params[0] == list(cls.work.methods)
        assert all(hasattr(cls, name) for name in ("time_run", "peakmem_run", "track_error"))


def test_parts_need_of_the_package_only_what_old_commits_have():
    for path in (BENCHMARKS.parent / "sketch" / "bench").glob("*.py"):
        wanted = set(re.findall(r"^from (\.\.\S+) import", path.read_text(), re.MULTILINE))
        assert wanted <= {"..decompose", "..formats"}, path.name


def test_methods_run_in_turn_and_medians_are_given():
    calls, clock = [], iter(range(100))

    def method(name, **options):
        return Method(lambda data: lambda: calls.append(name) or next(clock), **options)

    methods = {
        "sketch": method("sketch", readings=2),
        "floor": method("floor", approximates=False),
        "theirs": method("theirs", needs="no_such_module"),
    }
    work = Work("of {}", ((3,),), lambda n: np.ones(n), methods, lambda data: float)
    found = measured(work, (3,), repeats=2)
    assert calls == ["sketch", "floor"] * 3
    assert list(found) == ["sketch", "floor"]
    assert (found["sketch"].error, found["sketch"].readings) == (0.0, 2)
    assert found["floor"].error is None
    assert work.named((3,)) == "of 3"


def test_goals_are_set_for_methods_that_there_are():
    goals = imported("goals")
    for goal in goals.GOALS:
        names = WORKS[goal.work].methods
        rows = {n: {"seconds": 1.0, "error": 0.1, "readings": 1, "megabytes": 0} for n in names}
        found = {"title": "t", "kernels": "k", "rows": rows, "work": goal.work}
        value = goal.line(found)[3]
        assert isinstance(value, float)
        assert math.isfinite(value)


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        ({"sketch a": (2.0, 0.101), "sketch b": (1.0, 0.2)}, (1.5, "sketch a")),  # equal within 2 %
        ({"sketch a": (2.0, 0.1), "sketch b": (1.0, 0.05)}, (3.0, "sketch b")),
        ({"sketch b": (1.0, 0.2)}, (0.0, "none of ours is as accurate")),
        ({"sketch a": (2.0, None), "sketch b": (1.0, 0.2)}, (0.0, "none of ours is as accurate")),
    ],
)
def test_a_peer_stands_beside_the_fastest_of_ours_that_is_as_accurate(ours, expected):
    rows = {name: {"seconds": s, "error": e} for name, (s, e) in ours.items()}
    rows["peer"] = {"seconds": 3.0, "error": 0.1}
    assert imported("goals").ahead_of("peer")(rows) == expected


def test_rows_of_peers_that_are_gone_stay_as_earlier_ones(monkeypatch, tmp_path):
    measure = imported("measure")
    monkeypatch.setattr(measure, "STORE", tmp_path / "measured.json")
    row = {"seconds": 1.0, "error": 0.1, "readings": 1}
    found = {"work": "tt-svd", "size": [22], "title": "t", "where": "w", "kernels": "k"}
    measure.keep(found | {"rows": {"sketch STTA": row, "quimb": row, "no such method": row}})
    for _ in range(2):
        measure.keep(found | {"rows": {"sketch STTA": row | {"seconds": 2.0}}})
    (kept,) = measure.load().values()
    assert list(kept["rows"]) == ["sketch STTA", "quimb (earlier run)"]
    assert kept["rows"]["sketch STTA"]["seconds"] == 2.0
    assert "| quimb (earlier run) | 1 | 0.5 | 0.1 | 1 |" in measure.page(kept)


def test_what_is_kept_makes_the_pages():
    measure, goals = imported("measure"), imported("goals")
    kept = list(measure.load().values())
    assert kept
    assert goals.page(kept).startswith("| work | figure | asked | found | met | by |")
    assert goals.standings(kept).count("\n") > 2
    for found in kept:
        assert found["title"] in measure.page(found)
        assert len({len(line.split("|")) for line in measure.page(found).splitlines()[2:]}) == 1


OLD_PACKAGE = """
import sys, sketch
first = "HMT GeneralizedNystrom GramNystrom STTA OTTS TTHMT SparseSign LowRank TensorTrain".split()
for name in sketch.__all__:
    if name not in first and not name[0].islower():
        delattr(sketch, name)
sys.path.insert(0, sys.argv[1])
from cases import WORKS
assert WORKS
"""


def test_works_can_be_imported_beside_an_old_package():
    """Commits are compared by the works of today, and some may fail, but not all of them."""
    subprocess.run([sys.executable, "-c", OLD_PACKAGE, str(BENCHMARKS)], check=True)
