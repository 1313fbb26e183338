"""Run a benchmark, or write README.md from the stored results.

python3 dev bench matrices [--quick]     measure, print, and store the results
python3 dev bench tensors [--quick]      the same for tensors
python3 dev bench streams [--quick]      the same beyond memory, on Dask, for rows that stream
python3 dev bench scaling [--quick]      time against size, error against time
python3 dev bench devices [--quick]     the cost of the array layer; a GPU against its products
python3 dev bench experiments [NAME...]  the published experiments beside the published numbers
python3 dev bench calibration [--seeds N] how often error intervals hold the truth
python3 dev bench chooser [PART...]      the numbers that the documentation shows
python3 dev bench functions [--seeds N]  trains of functions, from few entries
python3 dev bench completion [CASE...]   ratings from a stream, a climate field with gaps
python3 dev bench report                 make benchmarks/README.md from what is stored
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import calibration
import chooser
import completion
import devices
import experiments
import functions
import matrices
import scaling
import streams
import tensors
from measure import EQUAL, Standings, against_peers

HERE = Path(__file__).parent
SUITES = {
    "matrices": matrices,
    "tensors": tensors,
    "streams": streams,
    "scaling": scaling,
    "devices": devices,
}
COMPARED = ("matrices", "tensors", "streams")  # those with peers

HEAD = """# Benchmarks

Made by `python3 dev bench report` from the results stored beside it; measure again with
`python3 dev bench matrices`, `tensors`, `streams`, `scaling` and `devices`. All cases of a table
ran in turn, in one process or each in its own, on identical data, and the medians are given;
absolute times are of a small shared machine, so read the ratios. *Products* are the bare matrix
products that the method above consists of, in their fastest form: the floor.
"""


PEERS = f"""## Peers at equal accuracy

How many times as long each peer takes as the fastest of our methods whose error is no larger, or
equal within {EQUAL - 1:.0%}, on the same data; below 1 the peer is ahead. All cases are in the
tables that follow.
"""


def write_report() -> None:
    """Write README.md from the stored results."""
    paths = {name: HERE / "results" / f"{name}.json" for name in SUITES}
    stored = {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}
    standings: Standings = {}
    for name in [name for name in COMPARED if name in stored]:
        standings |= SUITES[name].standings(stored[name])
    text = [HEAD, PEERS, against_peers(standings) + "\n"]
    for name, results in stored.items():
        text += [f"## {name.capitalize()}\n", results["machine"] + "\n", SUITES[name].page(results)]
    text += ["## Published experiments\n", experiments.page()]
    (HERE / "README.md").write_text("\n".join(text))


def main(arguments: list[str]) -> int:
    """Dispatch to a suite; return the exit status."""
    name, *rest = arguments or [""]
    if name == "report":
        write_report()
    elif name == "experiments":
        experiments.main(rest)
    elif name == "chooser":
        chooser.main(rest)
    elif name == "calibration":
        calibration.main(rest)
    elif name == "completion":
        completion.main(rest)
    elif name == "functions":
        functions.main(rest)
    elif name in SUITES:
        SUITES[name].main(rest)
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
