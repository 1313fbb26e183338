"""The history of a few cases over the commits: measured in a worktree, kept in one file."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import commit
from cases import GROUPS
from commit import git

KEPT = Path(__file__).resolve().parent / "results" / "history.json"
CASES = GROUPS["history"]
REPEATS = 3
SLOWER = 1.5  # times as long as at its fastest commit, and a case is listed

Record = dict[str, Any]  # commit, date, subject, machine, results


def load() -> list[Record]:
    """Return what was measured, in the order of the commits."""
    return json.loads(KEPT.read_text()) if KEPT.exists() else []


def commits(span: str, at_most: int) -> list[str]:
    """Return the commits of a span ``A..B``, evenly thinned out, both ends among them."""
    found = git("rev-list", "--reverse", "--first-parent", span).split()
    first = git("rev-parse", span.partition("..")[0]).strip()
    found = [first, *found] if ".." in span else found
    if len(found) <= at_most:
        return found
    return [found[round(k * (len(found) - 1) / (at_most - 1))] for k in range(at_most)]


def measure(names: list[str]) -> None:
    """Measure what this machine has not measured yet of some commits, and keep what was found."""
    done = {
        record["commit"]: record["results"] for record in load() if record["machine"] == machine()
    }
    for name in names:
        found, date, subject = git("log", "-1", "--format=%H%n%cI%n%s", name).splitlines()
        known = done.get(found, {})
        if titles() <= known.keys():
            continue
        print(f"{found[:9]} {subject[:70]}", flush=True)
        record = {"commit": found, "date": date, "subject": subject, "machine": machine()}
        keep(record | {"results": known | results_of(found, titles() - known.keys())})


def title(work: str, method: str) -> str:
    """Return the name of a case."""
    return f"{CASES[work].named(CASES[work].sizes[-1])}: {method}"


def titles() -> set[str]:
    """Return the names of all cases."""
    return {title(work, method) for work in CASES for method in CASES[work].methods}


def results_of(name: str, wanted: set[str]) -> dict[str, Any]:
    """Run cases of today with the package of a commit: the least seconds of some calls."""
    results = {}
    with commit.Package(name) as package:
        for work in CASES:
            for method in CASES[work].methods:
                if title(work, method) not in wanted:
                    continue
                ask = work, len(CASES[work].sizes) - 1, method
                first = package.ask(*ask, error=True)  # which may compile
                if "failed" in first:
                    continue
                seconds = min(package.ask(*ask)["seconds"] for _ in range(REPEATS))
                results[title(work, method)] = {"seconds": seconds, "error": first["error"]}
    return results


def keep(record: Record) -> None:
    """Put a record into the file, where its commit belongs."""
    order = {c: place for place, c in enumerate(git("rev-list", "--reverse", "HEAD").split())}
    same = record["commit"], record["machine"]
    others = [other for other in load() if (other["commit"], other["machine"]) != same]
    records = sorted([*others, record], key=lambda r: order.get(r["commit"], len(order)))
    lines = ",\n".join(json.dumps(each) for each in records)
    KEPT.write_text(f"[\n{lines}\n]\n")


def machine() -> str:
    """Return what times depend on beside the code, in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def regressions(records: list[Record]) -> list[tuple[str, float, Record, Record]]:
    """Return the cases that are slower now than they were.

    With each, by how much, the commit that was fastest, and the first one measured since which it
    has been slower.
    """
    found = []
    for name in names_of(records):
        known = [r for r in records if name in r["results"]]
        seconds = [r["results"][name]["seconds"] for r in known]
        best = min(range(len(known)), key=seconds.__getitem__)
        if seconds[-1] <= SLOWER * seconds[best]:
            continue
        since = len(known) - 1
        while since - 1 > best and seconds[since - 1] > SLOWER * seconds[best]:
            since -= 1
        found.append((name, seconds[-1] / seconds[best], known[best], known[since]))
    return found


def names_of(records: list[Record]) -> list[str]:
    """Return the names of all cases, those of the newest commit first."""
    return list(dict.fromkeys(name for record in reversed(records) for name in record["results"]))
