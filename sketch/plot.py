"""Figures as files; results draw themselves by `plot` and `scree`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .errors import DtypeError, SketchError
from .files.paths import as_path, try_to_write
from .formats import TensorTrain
from .pictures.drawing import needs_matplotlib
from .results import LowRank, PrincipalComponents

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["spectrum"]


def spectrum(
    result: LowRank | PrincipalComponents | TensorTrain,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw what a result looks like, without a window or a backend: for files and servers.

    Of a matrix the singular values and the error after truncation, both with their intervals; of
    principal components the explained variance and the components; of a train its diagram.

    Parameters
    ----------
    result : LowRank, PrincipalComponents or TensorTrain
    path : path-like, optional
        Save the figure there.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SketchError
        If matplotlib is not installed.
    DtypeError
        If there is no picture of such an object.

    Notes
    -----
    Nothing is read or computed anew but the errors after truncation, one for each rank.

    References
    ----------
    .. [1] L. Mirsky, "Symmetric gauge functions and unitarily invariant norms", Quart. J. Math. 11
       (1960) 50-59, doi:10.1093/qmath/11.1.50: how far singular values can be off.

    Examples
    --------
    >>> import numpy as np, sketch, sketch.plot
    >>> figure = sketch.plot.spectrum(sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=5))
    >>> [axes.get_title() for axes in figure.axes]
    ['Spectrum', 'Error after truncation']
    """
    needs_matplotlib()
    from matplotlib.figure import Figure

    if not isinstance(result, LowRank | PrincipalComponents | TensorTrain):
        raise DtypeError(
            f"there is no picture of a {type(result).__name__}; give a LowRank, "
            "PrincipalComponents or TensorTrain"
        )
    count = 1 if isinstance(result, TensorTrain) else 2
    figure = Figure(figsize=(4.5 * count, 3.6), layout="constrained")
    axes = figure.subplots(1, count)
    result.plot(axes=axes)
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
    needs_matplotlib()
    from matplotlib.figure import Figure

    kinds = Figure().canvas.get_supported_filetypes()
    kind = os.path.splitext(as_path(path))[1].lstrip(".").lower()
    if kind and kind not in kinds:
        raise SketchError(
            f"{path}: pictures of this kind are not known; give one of {' '.join(kinds)}"
        )
    try_to_write(path)
