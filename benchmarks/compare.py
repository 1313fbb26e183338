"""No slower? Two commits of the package, call by call in turn, on the cases of today.

python3 dev bench compare A..B [NAME...]     groups or works; by default those of GROUPS below

Ratios are medians of those of neighbouring calls, of processor time with one thread, which hardly
depends on what else the machine does. What is kept in results/no-slower.json makes the section of
README.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import commit
from cases import GROUPS, WORKS
from tabled import table

STORE = Path(__file__).parent / "results" / "no-slower.json"
SLOWER = 1.03
COMPARED = ("matrices", "components", "dask", "streams", "tensors", "history")
LEAST, BUDGET = 3, 20.0  # pairs at least, and seconds for more
Row = dict[str, Any]


def compared(before: commit.Package, now: commit.Package, ask: tuple[Any, ...], pairs: int) -> Row:
    """Return seconds and errors of a call by both packages, and quartiles of the ratio."""
    first = [package.ask(*ask, error=True) for package in (before, now)]
    for found in first:
        if "failed" in found:
            return found
    times: list[tuple[float, float]] = []
    start = time.perf_counter()
    while len(times) < LEAST or (len(times) < pairs and time.perf_counter() - start < BUDGET):
        both = before.ask(*ask), now.ask(*ask)
        times.append((both[0]["seconds"], both[1]["seconds"]))
    ratios = [b / a for a, b in times]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return {
        "before": statistics.median(a for a, _ in times),
        "now": statistics.median(b for _, b in times),
        "ratio": middle,
        "quartiles": [low, high],
        "errors": [found["error"] for found in first],
    }


def named(name: str, place: int, method: str) -> str:
    """Return a row's name."""
    return f"{WORKS[name].named(WORKS[name].sizes[place])}: {method}"


def line(name: str, row: Row) -> list[object]:
    """Return a row of the table; those that are slower in bold."""
    low, high = row["quartiles"]
    ratio = f"{row['ratio']:.3f}"
    slower = row["ratio"] > SLOWER
    errors = ["" if e is None else f"{e:.3g}" for e in row["errors"]]
    told = f"**{ratio}**" if slower else ratio
    return [name, row["before"], row["now"], told, f"{low:.2f} to {high:.2f}", *errors]


HEAD = ["", "before, s", "now, s", "ratio", "quartiles", "error before", "now"]


def page() -> str:
    """Return what is kept, slowest first."""
    stored = json.loads(STORE.read_text())
    rows = sorted(stored["rows"].items(), key=lambda item: -item[1]["ratio"])
    count = sum(row["ratio"] > SLOWER for _, row in rows)
    return (
        f"From {stored['span'][0][:9]} to {stored['span'][1][:9]}, {count} of {len(rows)} calls "
        f"are slower by more than {SLOWER - 1:.0%}, in bold; where the error fell, that is what "
        "the time went into. Seconds are processor time, with one thread.\n\n"
        + table(HEAD, [line(name, row) for name, row in rows])
        + "\n"
    )


def keep(span: list[str], name: str, row: Row) -> None:
    """Store a row; a span that was not kept before begins anew."""
    stored = json.loads(STORE.read_text()) if STORE.exists() else {}
    rows = stored["rows"] if stored.get("span") == span else {}
    STORE.write_text(json.dumps({"span": span, "rows": rows | {name: row}}, indent=1) + "\n")


def main(arguments: list[str]) -> None:
    """Compare, print and store."""
    parser = argparse.ArgumentParser(prog="python3 dev bench compare", description=__doc__)
    parser.add_argument("span", metavar="A..B")
    parser.add_argument("names", nargs="*", default=COMPARED, choices=[*GROUPS, *WORKS, []])
    parser.add_argument("--pairs", type=int, default=9, help="of calls at most")
    parser.add_argument("--quick", action="store_true", help="smaller data; nothing is stored")
    options = parser.parse_args(arguments)
    span = [commit.git("rev-parse", end or "HEAD").strip() for end in options.span.split("..")]
    works = [work for name in options.names for work in GROUPS.get(name, [name])]
    with commit.Package(span[0]) as before, commit.Package(span[1]) as now:
        for work in works:
            place = min(1, len(WORKS[work].sizes) - 1) if options.quick else -1
            for method in WORKS[work].installed:
                if method.startswith("sketch"):
                    row = compared(before, now, (work, place, method), options.pairs)
                    name = named(work, place, method)
                    if "failed" in row:
                        print(f"{name}: {row['failed']}", flush=True)
                        continue
                    if not options.quick:
                        keep(span, name, row)
                    print(*line(name, row), sep=" | ", flush=True)
