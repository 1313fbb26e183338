"""The history of the benchmarks: what got slower is told, and the page is one file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import history
        import history_page

        yield history, history_page


def records(*seconds, name="svd"):
    return [
        {
            "commit": f"{k:040x}",
            "date": f"2026-01-{k + 1:02d}T00:00:00+00:00",
            "subject": f"change {k} <b>",
            "machine": "m",
            "results": {} if s is None else {name: {"seconds": s, "error": 0.1 * s}},
        }
        for k, s in enumerate(seconds)
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((1.0, 1.1, 0.9), None),
        ((1.0, 5.0, 1.0), None),  # mended
        ((5.0, 1.0, 1.2, 3.0, 3.1), (3.1, 1, 3)),
        ((1.0, None, 2.0), (2.0, 0, 2)),
        ((2.0,), None),
    ],
)
def test_what_is_slower_than_it_was_is_listed_with_its_commits(modules, seconds, expected):
    history, _ = modules
    found = history.regressions(records(*seconds))
    if expected is None:
        assert not found
    else:
        ((name, ratio, best, since),) = found
        assert (name, ratio) == ("svd", pytest.approx(expected[0]))
        assert [int(record["commit"], 16) for record in (best, since)] == list(expected[1:])


def test_the_page_loads_nothing_and_escapes_what_commits_say(modules):
    _, page = modules
    made = page.page(records(1.0, 2.0))
    assert "2.00 times as long" in made
    assert "change 1 &lt;b&gt;" in made
    assert not re.search(r"(src|href)=", made)


def test_the_history_that_is_kept_makes_a_page(modules):
    history, page = modules
    kept = history.load()
    assert len(kept) >= 5
    assert len(json.dumps(kept)) < 200_000  # it lies in the repository
    assert page.page(kept).count("<section>") == len(history.names_of(kept))


def test_what_is_kept_has_the_names_of_the_cases(modules):
    history, _ = modules
    assert set(history.names_of(history.load())) <= history.titles()


def test_a_case_that_a_commit_lacks_is_measured_alone(modules, monkeypatch, tmp_path):
    history, _ = modules
    head = "0" * 40
    wanted, asked = sorted(history.titles()), []
    case = {"seconds": 1.0, "error": None}

    def results(commit, names):
        asked.append(names)
        return dict.fromkeys(names, case)

    monkeypatch.setattr(history, "KEPT", tmp_path / "history.json")
    monkeypatch.setattr(history, "git", lambda *_: f"{head}\n2026-01-01\nsubject")
    monkeypatch.setattr(history, "results_of", results)
    record = {"commit": head, "date": "2026-01-01", "subject": "subject"}
    record |= {"machine": history.machine(), "results": dict.fromkeys(wanted[1:], case)}
    history.keep(record)
    for _ in range(2):
        history.measure(["HEAD"])
    assert asked == [{wanted[0]}]
    (kept,) = history.load()
    assert set(kept["results"]) == set(wanted)


def test_peers_stand_beside_ours_on_the_page(modules):
    _, page = modules
    rows = {"sketch": {"seconds": 1.0, "error": 0.1}, "peer": {"seconds": 3.0, "error": 0.1}}
    found = {"title": "a <work>", "kernels": "k", "rows": rows}
    made = page.page(records(1.0), [found])
    assert "<td>a &lt;work&gt;; k<td>peer<td>3<td" in made
    assert "Beside peers" not in page.page(records(1.0))
