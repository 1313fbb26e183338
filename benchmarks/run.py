"""Run benchmarks, or write README.md from what is stored.

python3 dev bench GROUP or WORK...       measure, print and store; groups: {groups}
python3 dev bench peers                  what goals were set for; dense matrices with both kernels
python3 dev bench goals                  what was asked of works, beside what is stored
python3 dev bench compare A..B [WORK...] no slower? Two commits in turn, call by call
python3 dev bench report                 make benchmarks/README.md from what is stored

--quick takes smaller data, and stores nothing; --repeats N; --memory of every method, each in a
process of its own; --only WORK... of a group; --kernels NAME of OpenBLAS, such as Haswell, or both.
SKETCH_DATA names the folder of real data that is not shipped. Studies with a page or picture of
their own:

python3 dev bench devices [--quick]      the cost of the array layer; a GPU against its products
python3 dev bench experiments [NAME...]  the published experiments beside the published numbers
python3 dev bench calibration [--seeds N] how often error intervals hold the truth
python3 dev bench held [PART...]         forty cases of coverage and width, trains, tolerances
python3 dev bench accuracy               errors at default options over the best ones
python3 dev bench chooser [PART...]      the numbers that the documentation shows
python3 dev bench functions [--seeds N]  trains of functions, from few entries
python3 dev bench completion [CASE...]   ratings from a stream, a climate field with gaps
python3 dev bench reading [FORMAT...]    how fast files are read, beside their libraries alone
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import goals
import measure
import report
from cases import GROUPS, WORKS

STUDIES = ("devices", "experiments", "calibration", "accuracy", "chooser", "functions")
STUDIES += ("completion", "compare", "held", "reading")


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the options of a measurement."""
    parser = argparse.ArgumentParser(prog="python3 dev bench")
    parser.add_argument("names", nargs="+", choices=[*GROUPS, *WORKS, "peers"], metavar="NAME")
    parser.add_argument("--only", nargs="*", choices=WORKS, metavar="WORK", default=list(WORKS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="measured for every method")
    parser.add_argument("--kernels", help="of OpenBLAS, or both: its own choice and Haswell")
    return parser.parse_args(arguments)


def works(options: argparse.Namespace) -> list[str]:
    """Return the works that were asked for, each once."""
    named: list[str] = []
    for name in options.names:
        named += goals.PEER_WORKS if name == "peers" else GROUPS.get(name, [name])
    return [name for name in dict.fromkeys(named) if name in options.only]


def run(options: argparse.Namespace) -> None:
    """Measure, print and store."""
    for name in works(options):
        for size in measure.shown(WORKS[name], options.quick):
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of results worse than zero, and of peers
                found = measure.measure(
                    name, size, options.repeats, store=not options.quick, memory=options.memory
                )
            spent = time.perf_counter() - start
            print(
                measure.page(found), f"\n({found['kernels']} kernels, {spent:.0f} s)\n", flush=True
            )


def run_with(kernels: str | None, arguments: list[str]) -> int:
    """Run this command anew, with OpenBLAS's own choice of kernels or with one."""
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    environment |= {"OPENBLAS_CORETYPE": kernels} if kernels else {}
    command = [sys.executable, __file__, *arguments, "--kernels", "as they are"]
    return subprocess.run(command, env=environment, check=False).returncode


def main(arguments: list[str]) -> int:
    """Dispatch; return the exit status."""
    name, *rest = arguments or [""]
    if name in STUDIES:
        importlib.import_module(name).main(rest)
        return 0
    if name == "report":
        report.write()
        return 0
    if name == "goals":
        print(goals.page(list(measure.load().values())))
        return 0
    if name not in {*GROUPS, *WORKS, "peers"}:
        print(__doc__.format(groups=", ".join(GROUPS)))
        return 2
    options = parsed(arguments)
    if options.kernels == "both":
        return run_with(None, arguments) or run_with("Haswell", arguments)
    if "peers" in options.names and options.kernels is None:
        dense = [work for work in works(options) if work.startswith("dense-float")]
        status = run_with(None, arguments)
        return status or (run_with("Haswell", [*arguments, "--only", *dense]) if dense else 0)
    if options.kernels not in (None, "as they are"):
        return run_with(options.kernels, arguments)
    run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
