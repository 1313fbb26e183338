"""The command ``sketch complete``."""

from __future__ import annotations

import argparse
import time

import numpy as np

from ..errors import ArgumentError
from ..from_entries import complete
from ..io import save_as
from ..report import Figures, figures_of
from ..results import Completed
from ..sketches import Completion
from ..sources import KnownSource, as_known_source
from ._options import Commands, add_file, add_reading_options, add_report_options, reading
from ._work import opened, stored_numbers, try_outputs


def add(commands: Commands) -> None:
    """Declare the command and its arguments."""
    about = "low-rank completion of a matrix in a file, whose missing entries it predicts"
    parser = commands.add_parser("complete", help=about)
    add_file(parser)
    parser.add_argument("--rank", type=_ranks, metavar="K[,K]", required=True, help="or the best")
    parser.add_argument("--ridge", type=float, help="of the factors, found by default")
    parser.add_argument("--passes", type=int, default=1, metavar="N", help="readings of the file")
    parser.add_argument("--no-biases", dest="biases", action="store_false")
    parser.add_argument("--out", metavar="FILE", help="save the result, as .npz, .h5, .mat")
    parser.add_argument("--filled", metavar="FILE", help="save the rows without gaps, as .npy")
    parser.add_argument("--state", metavar="FILE", help="save the running sketch of one pass")
    add_report_options(parser)
    add_reading_options(parser)
    parser.set_defaults(run=_run, missing="nan", plot=None, scores=None)


def _ranks(text: str) -> list[int]:
    return [int(rank) for rank in text.split(",")]


def _run(options: argparse.Namespace) -> Figures:
    start = time.perf_counter()
    try_outputs(options.out, None, options.filled)
    with opened(options) as data:
        source = as_known_source(data)
        if options.state is None:
            found = complete(source, passes=options.passes, **_how(options), **reading(options))
        else:
            found = _with_state(source, options)
        if options.out is not None:
            save_as(found, options.out)
        if options.filled is not None:
            np.save(options.filled, found.fill(source))
        seconds = time.perf_counter() - start
        figures = {"file": options.file, "method": "complete", "n_passes": found.n_passes}
        figures |= figures_of(found, stored=stored_numbers(data), seconds=seconds)
    written = {name: getattr(options, name) for name in ("out", "filled", "state")}
    return figures | {name: path for name, path in written.items() if path is not None}


def _how(options: argparse.Namespace) -> Figures:
    how = {name: getattr(options, name) for name in ("rank", "ridge", "biases")}
    return how | {"seed": options.seed or 0}


def _with_state(source: KnownSource, options: argparse.Namespace) -> Completed:
    if options.passes != 1:
        raise ArgumentError("--state holds a sketch of one pass; leave --passes out")
    sk = Completion((None, source.shape[1]), **_how(options), dtype=source.dtype)
    sk.update(source, **reading(options))
    sk.save(options.state)
    return sk.finalize()
