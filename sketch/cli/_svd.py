"""The command ``sketch svd``."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ..decompose import svd
from ..errors import SketchError
from ..report import Figures
from ..results import LowRank
from ..sketches import MATRIX_METHODS, GeneralizedNystrom
from ..sources import as_matrix_source
from ._options import Commands, add_decomposition, add_state_options, computing, placed, reading
from ._work import finished, opened


def add(commands: Commands) -> None:
    """Declare the command and its arguments."""
    about = "low-rank approximation of a matrix in a file"
    parser = add_decomposition(commands, "svd", about, "the spectrum with its error bands")
    parser.add_argument("--method", choices=[*MATRIX_METHODS], default="hmt")
    parser.add_argument("--passes", type=int, metavar="N", help="of krylov, at most")
    parser.add_argument("--power-iters", type=float, default=0, metavar="N", help="or a half")
    parser.add_argument("--start-rank", type=int, metavar="N", help="width of the first pass")
    add_state_options(parser, "nystrom")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> Figures:
    start = time.perf_counter()
    with opened(options) as data:
        source = as_matrix_source(data)
        if options.state is not None:
            result = _svd_with_state(source, options)
        else:
            result = svd(
                source,
                options.rank,
                tol=options.tol,
                method=options.method,
                power_iters=options.power_iters,
                passes=options.passes,
                start_rank=options.start_rank,
                **computing(options),
            )
        about = {"method": options.method, "n_passes": result.n_passes}
        return finished(result, options, about, data, start)


def _svd_with_state(source: Any, options: argparse.Namespace) -> LowRank:
    if options.method != "nystrom" or options.rank is None:
        raise SketchError("--state needs --method nystrom and --rank: a one-pass sketch")
    shape, at = placed(source.shape, options)
    sk = GeneralizedNystrom(
        shape,
        options.rank,
        seed=options.seed or 0,
        dtype=source.dtype,
        device=options.device,
        test_matrix="sparse-sign" if source.sparse else "block-sign",  # as svd has it
    )
    sk.update(source, at, **reading(options))
    sk.save(options.state)
    return sk.finalize(options.rank, options.tol)
