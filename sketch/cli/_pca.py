"""The command ``sketch pca``."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from ..decompose import pca
from ..errors import SketchError
from ..report import Figures
from ..results import PrincipalComponents
from ..sketches import GramNystrom
from ..sources import as_matrix_source
from ._options import Commands, add_decomposition, computing, reading
from ._work import finished, opened


def add(commands: Commands) -> None:
    """Declare the command and its arguments."""
    about = "principal components of the rows in a file"
    parser = add_decomposition(commands, "pca", about, "the variances with their intervals")
    parser.add_argument("--scores", metavar="FILE", help="save the rows' coordinates, as .npy")
    parser.add_argument("--passes", type=int, metavar="N", help="readings of the file at most")
    parser.add_argument("--no-center", dest="center", action="store_false")
    parser.add_argument("--scale", action="store_true", help="columns to unit variance")
    parser.add_argument("--whiten", action="store_true", help="coordinates to unit variance")
    parser.add_argument("--state", metavar="FILE", help="save the running sketch of one pass")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> Figures:
    start = time.perf_counter()
    with opened(options) as data:
        source = as_matrix_source(data)
        result = _pca_with_state(source, options) if options.state else _pca(source, options)
        if options.scores is not None:
            np.save(options.scores, np.asarray(result.transform(source)))
        return finished(result, options, {"method": "pca"}, data, start)


def _pca(source: object, options: argparse.Namespace) -> PrincipalComponents:
    return pca(
        source,
        options.rank,
        tol=options.tol,
        passes=options.passes,
        center=options.center,
        scale=options.scale,
        whiten=options.whiten,
        **computing(options),
    )


def _pca_with_state(source: Any, options: argparse.Namespace) -> PrincipalComponents:
    if options.rank is None or options.passes not in (None, 1):
        raise SketchError("--state needs --rank, and holds a sketch of one pass: --passes 1")
    sk = GramNystrom(
        source.shape[1],
        options.rank,
        center=options.center,
        scale=options.scale,
        seed=options.seed or 0,
        dtype=source.dtype,
        device=options.device,
    )
    sk.update(source, **reading(options))
    sk.save(options.state)
    found = sk.finalize(sk.spec.rank, options.tol)
    return found.whitened() if options.whiten else found
