"""Principal components in one call."""

from __future__ import annotations

from typing import Any

from .._checks import checked_size, checked_tol
from ..errors import RankError
from ..formats import seeds_of, with_seeds
from ..results import PrincipalComponents
from ..sketches import GramNystrom, check_request, default_width, fed, independent_seed
from ..sources import as_matrix_source

_TOLERANCE_RANK = 20  # whose default width is searched for a tolerance


def pca(
    rows: Any,
    rank: int | None = None,
    *,
    tol: float | None = None,
    sketch_rank: int | None = None,
    center: bool = True,
    seed: int | None = 0,
    check_finite: bool = True,
    memory: int | str | None = None,
    device: Any = None,
    progress: bool = False,
) -> PrincipalComponents:
    """Return the leading principal components of rows, from one pass over them.

    Parameters
    ----------
    rows : array, sparse matrix, operator, stored dataset, Dask array, sum, or iterable of chunks
        Of shape (m, n); m need not be known. The rows of lazy sums and operators are made dense,
        some at a time: an operator is multiplied with all columns of the identity, several times.
    rank : int, optional
        How many components. May be left out where `tol` is given.
    tol : float, optional
        The fewest components whose projection error, relative to the norm of the centred rows, is
        at most `tol`; of no more than 100 directions, or all of 200 columns, unless `sketch_rank`
        says otherwise.
    sketch_rank : int, optional
        Width of the sketch, by default ``4 rank + 20``, no more than there are rows where their
        number is known, and n where that is no more than twice as much: see `GramNystrom`.
    center : bool
        Whether to subtract the mean.
    seed : int or None
        Fixes the test matrix, see `svd`.
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
        If components are smaller than rounding errors: of squares, or of the data.

    Notes
    -----
    ``4 m n k`` operations in double precision for a sketch of k columns, and ``n k`` numbers. See
    `GramNystrom`, which follows streams, merges and removes rows.

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
    tol = checked_tol(tol)
    source = as_matrix_source(rows)
    m, n = source.shape
    wanted = 0 if rank is None else checked_size(rank, "rank")
    if sketch_rank is None:
        sketch_rank = default_width(_TOLERANCE_RANK if rank is None else wanted, n)
        if m is not None:  # rows span no more than their number
            sketch_rank = min(sketch_rank, max(1, m))
            wanted = min(wanted, sketch_rank)
    sk = GramNystrom(
        n,
        wanted,
        sketch_rank=sketch_rank,
        center=center,
        seed=independent_seed(seed, rows),
        dtype=None if source.widens else source.dtype,
        device=device,
    )
    check_request(None, tol, sk.spec)
    fed(sk, source, check_finite=check_finite, memory=memory, progress=progress)
    found = sk.finalize(None if rank is None else sk.spec.rank, tol)
    return with_seeds(found, seeds_of(rows), found.seeds)
