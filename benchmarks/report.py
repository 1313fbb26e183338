"""README.md, written from the results that are stored."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import charts
import compare
import devices
import experiments
import goals
import reading
from cases import GROUPS
from measure import Found, load, page

HERE = Path(__file__).parent
HEAD = """# Benchmarks

Made by `python3 dev bench report` from the results stored beside it. `python3 dev bench GROUP` or
`WORK` measures again, `python3 dev bench peers` all that goals were set for. All methods of a
table ran in turn, in one process, on identical data, and medians are given; absolute times are of
small shared machines, so read the ratios. *Readings* count how often the data were read. *Products*
are the bare matrix products that a method consists of, in their fastest form: the floor. NumPy's
OpenBLAS chooses its kernels by the processor; `Haswell` are those that it takes without AVX-512.
"""
PEERS = f"""## Peers at equal accuracy

How many times as long each peer takes as the fastest of our methods whose error is no larger, or
equal within {goals.EQUAL - 1:.0%}, on the same data; below 1 the peer is ahead. All methods are in
the tables that follow.
"""
GOALS = """## Goals

What was asked of the speed and the accuracy beside what was found, with the kernels of OpenBLAS.
"""


def group_page(name: str, all_found: list[Found]) -> list[str]:
    """Return the tables of a group, each machine named once."""
    text = [f"## {name.capitalize()}\n"]
    for where, same in itertools.groupby(all_found, key=lambda found: found["where"]):
        text += [where + "\n", *(page(found) for found in same)]
    return text


def write() -> None:
    """Write README.md."""
    kept = list(load().values())
    order = {work: place for place, work in enumerate(itertools.chain(*GROUPS.values()))}
    kept.sort(key=lambda found: (order[found["work"]], found["kernels"] == "Haswell"))
    text = [HEAD, PEERS, goals.standings(kept), GOALS, goals.page(kept)]
    for name, works in GROUPS.items():
        of_group = [found for found in kept if found["work"] in works]
        text += group_page(name, of_group) if of_group else []
    text += [charts.drawn(kept)]
    text += ["## Text files, read whole\n", reading.page()]
    if compare.STORE.exists():
        text += ["## Beside an earlier commit\n", compare.page()]
    text += ["## Accuracy\n", (HERE / "results" / "accuracy.md").read_text()]
    stored = json.loads(devices.RESULTS.read_text())
    text += ["## Devices\n", stored["machine"] + "\n", devices.page(stored)]
    text += ["## Published experiments\n", experiments.page()]
    (HERE / "README.md").write_text("\n".join(text))
