"""Principal components in one call."""

from __future__ import annotations

from typing import Any

from ..errors import RankError
from ..results import PrincipalComponents
from ..sketches import GramNystrom
from ..sources import as_matrix_source


def pca(
    rows: Any,
    rank: int | None = None,
    *,
    tol: float | None = None,
    sketch_rank: int | None = None,
    center: bool = True,
    seed: int = 0,
    check_finite: bool = True,
    memory: int | str | None = None,
    device: Any = None,
    progress: bool = False,
) -> PrincipalComponents:
    """Return the leading principal components of rows, from one pass over them.

    Parameters
    ----------
    rows : array, sparse matrix, stored dataset, Dask array, or iterable of row chunks
        Of shape (m, n); m need not be known.
    rank : int, optional
        How many components. May be left out where `tol` is given.
    tol : float, optional
        The fewest components whose projection error, relative to the norm of the centred rows, is
        at most `tol`; of no more than 100 directions unless `sketch_rank` says otherwise.
    sketch_rank : int, optional
        Width of the sketch, by default ``4 rank + 20``.
    center : bool
        Whether to subtract the mean.
    seed : int
        Fixes the test matrix.
    check_finite : bool
        Refuse NaN and infinity.
    memory : int or str, optional
        Bytes to stay within beside what the process holds already, as a number or ``"2GB"``. The
        chunks of a Dask array are as large as they are.
    device : str or array, optional
        Where to compute, and where the result lives: ``"gpu"``, ``"gpu:1"``, or an array of
        whichever library that lives there. By default where the data are.
    progress : bool
        Show a progress bar.

    Returns
    -------
    PrincipalComponents
        With the variance that they explain, enclosed from both sides.

    Raises
    ------
    RankError
        If neither a rank nor a tolerance is given.
    ShapeError, DtypeError, NonFiniteError, MemoryBudgetError
        If the data cannot be sketched.

    Warns
    -----
    SpectrumWarning
        If components are smaller than rounding errors of squares.

    Notes
    -----
    ``4 m n k`` operations for a sketch of k columns, and ``n k`` numbers. See `GramNystrom`, which
    follows streams, merges and removes rows.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Fixed-rank approximation of a positive
       semidefinite matrix from streaming data", NIPS 2017, arXiv:1706.05736.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1] + 100
    >>> sketch.pca(rows, rank=2).rank
    2
    """
    if rank is None and tol is None:
        raise RankError("give a rank, a tolerance, or both: pca(rows, rank=20)")
    source = as_matrix_source(rows)
    width = sketch_rank
    if rank is None and width is None:
        width = min(int(source.shape[1]), 100)
    sk = GramNystrom(
        source.shape[1],
        rank if rank is not None else 0,
        sketch_rank=width,
        center=center,
        seed=seed,
        dtype=source.dtype,
        device=device,
    )
    sk.update(source, check_finite=check_finite, memory=memory, progress=progress)
    return sk.finalize(None if rank is None else min(rank, sk.spec.rank), tol)
