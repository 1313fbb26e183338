"""Figures; matplotlib is imported when one is drawn."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ._array import to_host
from ._linalg import tail_norms
from ._paths import try_to_write
from .errors import SketchError
from .results import LowRank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["spectrum"]

_BLUE, _RED = "#1f4e79", "#b4451f"


def spectrum(result: LowRank, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the singular values and the error after truncation, both with their error bands.

    The band of the singular values is that of Weyl's inequality: each is off by no more than the
    error. The band of the error is its 95 % interval.

    Parameters
    ----------
    result : LowRank
    path : path-like, optional
        Save the figure there.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SketchError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SketchError("drawing needs matplotlib; pip install 'sketch-lowrank[plot]'") from error
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_values(left, result)
    _draw_errors(right, result)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def try_to_draw(path: str | os.PathLike[str]) -> None:
    """Refuse a path that no figure could be saved to, before there is anything to draw.

    Raises
    ------
    SketchError
        If matplotlib is not installed, does not know the kind of picture, or the file cannot be
        written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SketchError("drawing needs matplotlib; pip install 'sketch-lowrank[plot]'") from error
    kinds = Figure().canvas.get_supported_filetypes()
    kind = os.path.splitext(os.fspath(path))[1].lstrip(".").lower()
    if kind and kind not in kinds:
        raise SketchError(
            f"{path}: pictures of this kind are not known; give one of {' '.join(kinds)}"
        )
    try_to_write(path)


def _draw_values(axes: Any, result: LowRank) -> None:
    s = np.asarray(to_host(result.s), float)
    index = np.arange(1, s.size + 1)
    high = _upper(result)
    floor = max(float(s.min(initial=np.inf)) / 10, float(s.max(initial=0)) * 1e-16, 1e-300)
    axes.fill_between(
        index,
        np.maximum(s - high, floor),
        s + high,
        color=_BLUE,
        alpha=0.15,
        linewidth=0,
        label="within the error (95 %)",
    )
    axes.semilogy(index, np.maximum(s, floor), "o-", color=_BLUE, markersize=3.5, linewidth=1)
    axes.set(xlabel="index", ylabel="singular value", title="Spectrum", ylim=(floor, None))
    axes.legend(frameon=False, fontsize="small")


def _draw_errors(axes: Any, result: LowRank) -> None:
    tails = tail_norms([float(x) for x in to_host(result.s)])
    estimates = [result.error.truncated(tail, rank) for rank, tail in enumerate(tails)]
    norm = result.error.norm or 1.0
    ranks = np.arange(len(tails))
    value = np.array([e.value for e in estimates]) / norm
    if result.error.kind != "heuristic":
        low, high = np.array([e.interval() for e in estimates]).T / norm
        low = np.maximum(low, value.max() * 1e-16)
        axes.fill_between(
            ranks, low, high, color=_RED, alpha=0.2, linewidth=0, label="95 % interval"
        )
    axes.semilogy(ranks, np.maximum(value, 1e-300), color=_RED, linewidth=1.5, label="estimate")
    axes.set(xlabel="rank", ylabel="relative error", title="Error after truncation")
    axes.legend(frameon=False, fontsize="small")


def _upper(result: LowRank) -> float:
    if result.error.kind == "heuristic":
        return result.error.value
    return result.error.interval()[1]
