"""Around the work of every command: what is opened and tried before, and written after it."""

from __future__ import annotations

import argparse
import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any

from .. import io, plot
from ..files.paths import try_to_write
from ..report import Figures, Result, figures_of
from ..results import Completed
from ..running.tasks import connect
from ..sources import with_axes_of
from ._options import check_result_name, idle_options, refuse_idle


@contextlib.contextmanager
def opened(options: argparse.Namespace) -> Iterator[object]:
    """Open the file, for this process or for the workers of a cluster; first try what is written.

    What cannot be written is refused before the work.
    """
    refuse_idle(options, idle_options(options))
    try_outputs(options.out, options.plot, options.state, options.scores)
    if options.scheduler is None:
        with io.open(options.file, missing=options.missing) as data:
            yield data
    else:
        with connect(options.scheduler):
            yield io.open_distributed(options.file, missing=options.missing)


def try_outputs(out: str | None, picture: str | None, *paths: str | None) -> None:
    """Refuse what cannot be written before the work is done."""
    for path in paths:
        if path is not None:
            try_to_write(path)
    if out is not None:
        io.try_to_save(out)
        check_result_name(out)
    if picture is not None:
        plot.try_to_draw(picture)


def finished(
    result: Result, options: argparse.Namespace, about: Figures, data: object, start: float
) -> Figures:
    """Write the result and its picture, and return all figures of it.

    Parameters
    ----------
    result : LowRank, TensorTrain, PrincipalComponents or Completed
    options : argparse.Namespace
    about : dict
        How it was made.
    data : object
        The open file, None where there was none.
    start : float
        When the work began.
    """
    seconds = time.perf_counter() - start
    stored = math.prod(result.shape) if data is None else stored_numbers(data)
    figures = {} if data is None else {"file": options.file}
    figures |= about | figures_of(result, stored=stored, seconds=seconds)
    figures["tol"] = options.tol
    known = not isinstance(result, Completed) and result.error is not None
    if options.tol is not None and known:
        figures["tol_met"] = _is_met(result, options.tol)
    if options.out is not None:
        io.save_as(with_axes_of(data, result), options.out)
    if options.plot is not None and not isinstance(result, Completed):
        plot.spectrum(result, options.plot)
    written = {name: getattr(options, name, None) for name in ("out", "plot", "state", "scores")}
    return figures | {name: path for name, path in written.items() if path is not None}


def _is_met(result: Any, tol: float) -> bool:
    """Whether a result is as exact as was asked for: its vectors where these have residuals."""
    residuals = getattr(result, "residuals", None)
    if residuals is None or not result.rank:
        return bool(result.error.meets(tol))
    return float(residuals.max()) <= tol * float(result.s[0])


def stored_numbers(data: Any) -> int:
    """Return how many numbers data hold: of sparse files those that are stored."""
    sparse = isinstance(data, io.DataFile) and data.is_sparse
    return int(data.data.nnz) if sparse else math.prod(data.shape)
