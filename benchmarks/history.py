"""The history of a few cases over the commits: measured in a worktree, kept in one file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KEPT = HERE / "results" / "history.json"
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
    """Measure commits that this machine has not measured yet, and keep what was found."""
    done = {(record["commit"], record["machine"]) for record in load()}
    for name in names:
        commit, date, subject = git("log", "-1", "--format=%H%n%cI%n%s", name).splitlines()
        if (commit, machine()) in done:
            continue
        print(f"{commit[:9]} {subject[:70]}", flush=True)
        record = {"commit": commit, "date": date, "subject": subject, "machine": machine()}
        keep(record | {"results": results_of(commit)})


def results_of(commit: str) -> dict[str, Any]:
    """Run the cases of today with the package of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        git("worktree", "add", "--detach", "--force", folder, commit)
        try:
            threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
            done = subprocess.run(
                [sys.executable, str(HERE / "history_cases.py")],
                env={**os.environ, **threads, "PYTHONPATH": folder},
                cwd=folder,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        finally:
            git("worktree", "remove", "--force", folder)
    return json.loads(done.stdout.splitlines()[-1])


def keep(record: Record) -> None:
    """Add a record to the file, where its commit belongs."""
    order = {
        commit: place for place, commit in enumerate(git("rev-list", "--reverse", "HEAD").split())
    }
    records = sorted([*load(), record], key=lambda r: order.get(r["commit"], len(order)))
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


def git(*arguments: str) -> str:
    """Return what git says."""
    command = ["git", "-C", str(HERE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
