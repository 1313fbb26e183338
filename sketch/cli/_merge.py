"""The command ``sketch merge``."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from typing import Any

from .. import io
from ..errors import SketchError
from ..report import Figures
from ..sketches import STTA, Completion, Sketch
from ._options import Commands, add_picture_option, add_result_options
from ._work import finished, try_outputs


def add(commands: Commands) -> None:
    """Declare the command and its arguments."""
    about = "add up sketch states and finalize them together"
    parser = commands.add_parser("merge", help=about)
    parser.add_argument("parts", nargs="+", metavar="PART")
    parser.add_argument(
        "--add", action="store_true", help="add up states whose places overlap in part"
    )
    add_result_options(parser)
    add_picture_option(parser, "the spectrum, or the variances")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> Figures:
    try_outputs(options.out, options.plot)
    sketches = [io.load(part) for part in options.parts]
    for part, sk in zip(options.parts, sketches, strict=True):
        if not isinstance(sk, Sketch) or (sk.spec.n_passes > 1 and not isinstance(sk, Completion)):
            raise SketchError(f"{part}: holds a {type(sk).__name__}, not a one-pass sketch state")
        if options.plot is not None and isinstance(sk, STTA | Completion):
            raise SketchError(
                f"{part}: --plot draws singular values or variances, which a {type(sk).__name__} "
                "does not end in; leave it out"
            )
    shared = _overlaps(sketches)
    uneven = [pair for pair in shared if len({sketches[k].covered for k in pair}) > 1]
    if uneven and not options.add:
        first, second = (options.parts[k] for k in uneven[0])
        raise SketchError(
            f"{first} and {second} overlap in part: they cover {_places(sketches, uneven[0])}. "
            "Sketch shares that do not, or add up what lies on each other with --add"
        )
    start = time.perf_counter()
    total = sketches[0].copy()
    for sk in sketches[1:]:
        total.merge(sk)
    result = total.finalize(options.rank, options.tol)
    about: Figures = {"n_states": len(sketches), "n_updates": total.n_updates}
    if shared:
        about["note"] = (
            "states overlap: this is the sum of their data, entry by entry; sketch shares of rows "
            "with --rows A:B --shape M,N"
        )
    return finished(result, options, about, None, start)


def _overlaps(sketches: Sequence[Any]) -> list[tuple[int, int]]:
    """Return which pairs of states have data that lie on each other."""
    return [
        (i, j)
        for (i, x), (j, y) in itertools.combinations(enumerate(sketches), 2)
        if x.covered
        and y.covered
        and all(max(a, c) < min(b, d) for (a, b), (c, d) in zip(x.covered, y.covered, strict=True))
    ]


def _places(sketches: Sequence[Any], pair: tuple[int, int]) -> str:
    """Tell what two states cover."""
    texts = (", ".join(f"{a}:{b}" for a, b in sketches[k].covered) for k in pair)
    return " and ".join(texts)
