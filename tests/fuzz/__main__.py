"""The long form: ``python3 dev fuzz --minutes N [--seed S] [--machine NAME]``.

Each round runs every machine for a hundred sequences from a seed that is printed; the counts come
as a Markdown table at the end, or when interrupted. The whole trace of each finding is kept in a
file of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

import sketch
from fuzz import MACHINES, machine

SEQUENCES = 100
KEPT = Path("fuzz-findings")


def each(finding: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of a group, and of the groups in it."""
    if isinstance(finding, BaseExceptionGroup):
        for one in finding.exceptions:
            yield from each(one)
    else:
        yield finding


def rounds(minutes: float, first: int, names: list[str], shrink: bool) -> int:
    """Run rounds until the time is over; return the number of findings."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    long = settings(
        derandomize=False,
        database=None,
        deadline=None,
        max_examples=SEQUENCES,
        stateful_step_count=40,
        suppress_health_check=list(HealthCheck),
        phases=phases,
    )
    stop, number, findings = time.monotonic() + 60 * minutes, first, 0
    while time.monotonic() < stop:
        print(f"round with seed {number}", flush=True)
        for name in names:
            if time.monotonic() > stop:
                break
            try:
                run_state_machine_as_test(seed(number)(MACHINES[name]), settings=long)
            except Exception as finding:
                for one in each(finding):
                    findings += 1
                    keep(name, number, one)
        number += 1
    return findings


def keep(name: str, number: int, finding: BaseException) -> None:
    """Write a finding, with the steps that lead to it, to a new file, and print it."""
    again = f"python3 dev fuzz --machine {name} --seed {number} --minutes 0.01"
    trace = "".join(traceback.format_exception(finding))  # with hypothesis' notes, the steps
    KEPT.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=KEPT, prefix=f"{name}-{number}-", suffix=".txt", delete=False
    ) as file:
        file.write(f"{again}\n\n{trace}")
    print(f"FINDING: {again}\n{trace}kept in {file.name}", flush=True)


def main() -> int:
    """Read the arguments, run, print the counts; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--machine", choices=sorted(MACHINES), action="append")
    parser.add_argument("--no-shrink", action="store_true", help="show findings as they came")
    chosen = parser.parse_args()
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", sketch.AccuracyWarning)  # true of what is made up here
    findings = 0
    try:
        findings = rounds(
            chosen.minutes, chosen.seed, chosen.machine or list(MACHINES), not chosen.no_shrink
        )
    finally:
        print(f"\n{machine.table()}\n\n{findings} findings")
    return int(findings > 0)


if __name__ == "__main__":
    sys.exit(main())
