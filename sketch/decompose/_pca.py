"""Principal components in one call: a reading that finds them, and more that sharpen them."""

from __future__ import annotations

import dataclasses
from typing import TypedDict, Unpack, overload

from .._checks import checked_flag, checked_size, checked_tol
from ..backend.array import Device, unit_roundoff
from ..errors import PassError, RankError
from ..formats import seeds_of, with_passes, with_seeds
from ..numerics.linalg import as_floats
from ..results import PrincipalComponents
from ..running.memory import fits
from ..running.reading import Reading
from ..sketches import (
    GramNystrom,
    check_request,
    default_width,
    fed,
    independent_seed,
    narrow_width,
    warn_of_spacing,
)
from ..sources import MatrixSource, as_matrix_source, with_axes_of
from ._by_columns import come_in_columns, components_of_columns
from ._incomplete import checked_missing, fitted_components
from ._sharpened import can_be_held, sharpened, shortened

DEFAULT_PASSES = 4  # over data that can be read again
_MORE = 20  # columns of a sketch beside four for each component
_MORE_ALONE = 140  # where no further reading sharpens them
_TOLERANCE_RANK = 20  # whose default width is searched for a tolerance
_WHOLE = 4  # times that width: squares of so many columns take the time of all readings
_TALL = 2  # rows for each of these columns, at least, and their eigenvalues take less
_BYTES = 100  # of sums, bases and factors, for each of these squares
_LEAST_TOL = 1e-5  # which squares tell
_RESOLVED = 1e3  # rounding errors of a singular value whose square has six digits


class PCAOptions(TypedDict, total=False):
    """What `pca` takes beside a rank and a tolerance."""

    passes: int | None
    sketch_rank: int | None
    center: bool
    scale: object
    whiten: bool
    missing: str | None
    seed: int | None
    check_finite: bool
    memory: int | str | None
    device: Device
    progress: bool


@overload
def pca(
    rows: object, rank: int | None, *, tol: float | None = None, **options: Unpack[PCAOptions]
) -> PrincipalComponents: ...
@overload
def pca(
    rows: object, *, tol: float | None, **options: Unpack[PCAOptions]
) -> PrincipalComponents: ...
def pca(
    rows: object,
    rank: int | None = None,
    *,
    tol: float | None = None,
    passes: int | None = None,
    sketch_rank: int | None = None,
    center: bool = True,
    scale: object = False,
    whiten: bool = False,
    missing: str | None = None,
    seed: int | None = 0,
    check_finite: bool = True,
    memory: int | str | None = None,
    device: Device = None,
    progress: bool = False,
) -> PrincipalComponents:
    """Return the leading principal components of rows.

    Parameters
    ----------
    rows : array, sparse matrix, operator, stored dataset, Dask array, sum, or iterable of chunks
        Of shape (m, n); m need not be known. The rows of lazy sums and operators are made dense,
        some at a time: an operator is multiplied with all columns of the identity, several times.
    rank : int, optional
        How many components. May be left out where `tol` is given.
    tol : float, optional
        The fewest components whose projection error, relative to the norm of the centred rows, is
        at most `tol`. Data that can be read again are, until a block Krylov space that grows meets
        it, or `passes` are taken; else of no more than 220 directions unless `sketch_rank` says
        otherwise.
    passes : int, optional
        Readings of the data at most: the first finds mean, scale and components, each further one
        sharpens these, as long as there is more to find. By default 4 where the data can be read
        again, and 1 for iterators, where rows are so short or few that one finds all squares (up
        to ``16 rank + 80`` columns, unless squares hide components of double precision), and where
        they are so many that a number for each of them and each column of the sketch cannot be
        held. The result's `n_passes` tells.
    sketch_rank : int, optional
        Width of the first reading's sketch, by default ``4 rank + 20``, or ``4 rank + 140`` where
        it is the only one; no more than there are rows where their number is known, and n where
        that is no more than twice as much, or four times where further readings take longer: see
        `GramNystrom`.
    center : bool
        Whether to subtract the mean. The data are never copied for it, and sparse ones stay sparse.
    scale : bool or array_like, shape (n,)
        True divides each column by its standard deviation, constant ones by 1; or the numbers to
        divide by.
    whiten : bool
        Whether the result's `transform` gives coordinates of unit variance.
    missing : {"fit"}, optional
        Whether rows may have missing entries: NaN, masked, or not stored in sparse rows. Mean and
        components are those of rows completed by a model of that rank, as `complete` finds it from
        all of them together; `tol`, `scale` and the like are left out. There are no bounds then.
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
        With the variance that they explain, enclosed from both sides. Of each component the entry
        of largest modulus is positive.

    Raises
    ------
    RankError
        If neither a rank nor a tolerance is given, or components that shall be whitened have no
        variance above rounding errors.
    PassError
        If an iterator that can be read once shall be read several times.
    ArgumentError
        If `scale` is no vector of positive numbers.
    ShapeError, DtypeError, NonFiniteError, MemoryBudgetError
        If the data cannot be sketched.

    Warns
    -----
    SpectrumWarning
        If components are smaller than rounding errors: of squares, or of the data.
    ToleranceWarning
        If `tol` is not met by the rank that was asked for.

    Notes
    -----
    The first reading is that of `GramNystrom`, which follows streams, merges and removes rows:
    ``4 m n k`` operations in double precision for a sketch of k columns, and ``n k`` numbers. Its
    components begin a `BlockKrylov` space of ``(A - 1 mean) / scale``, in blocks of b columns that
    together are as wide as that sketch, and ``rank + 10`` each at least, ``2 rank + 10`` of more
    than three: ``4 m n b`` operations and ``(m + 2 n) b`` numbers more with each reading, in the
    precision of the data.

    Rows that are fewer than their columns, while columns lie together (Fortran order, PLINK files,
    integers in memory, chunks of whole columns), are read by columns, which tell their own mean and
    scale: the same steps for the transpose, in ``4 m n b`` operations and ``(n + 2 m) b`` numbers.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, Y. Shkolnisky, M. Tygert, "An algorithm for the principal
       component analysis of large data sets", SISC 33 (2011) 2580-2594, arXiv:1007.5510.
    .. [2] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Fixed-rank approximation of a positive
       semidefinite matrix from streaming data", NIPS 2017, arXiv:1706.05736.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1] + 100
    >>> sketch.pca(rows, rank=2).rank
    2
    """
    whiten = checked_flag(whiten, "whiten")
    if checked_missing(missing):
        options = {"tol": tol, "sketch_rank": sketch_rank, "center": center, "scale": scale}
        options |= {"device": device, "check_finite": check_finite, "passes": passes, "seed": seed}
        found = fitted_components(rows, rank, {**options, "memory": memory, "progress": progress})
        found = with_axes_of(rows, found)
        return found.whitened() if whiten else found
    if rank is None and tol is None:
        raise RankError("give a rank, a tolerance, or both: pca(rows, rank=20)")
    tol = checked_tol(tol)
    source = as_matrix_source(rows)
    wanted = _TOLERANCE_RANK if rank is None else checked_size(rank, "rank")
    width, steps = _plan(source, wanted, sketch_rank, passes)
    if steps and passes is None and sketch_rank is None:
        width = _width_of_all(source, width, memory)
    sk = GramNystrom(
        source.shape[1],
        0 if rank is None else wanted if sketch_rank is not None else min(wanted, width),
        sketch_rank=width,
        center=center,
        scale=scale,
        seed=independent_seed(seed, rows),
        dtype=None if source.widens else source.dtype,
        device=device,
    )
    rank = None if rank is None else sk.spec.rank
    check_request(rank, tol, sk.spec)
    how: Reading = {"check_finite": check_finite, "memory": memory, "progress": progress}
    if rank is not None and steps and come_in_columns(sk.spec, source, memory):
        found = components_of_columns(sk, source, rank, tol, steps, device, **how)
    else:
        found = _components_of_rows(sk, source, rank, tol, steps, passes, device, **how)
    sk.accumulator.name(found)
    found = with_axes_of(rows, with_seeds(found, seeds_of(rows), (sk.spec.seed,)))
    return found.whitened() if whiten else found


def _components_of_rows(
    sk: GramNystrom,
    source: MatrixSource,
    rank: int | None,
    tol: float | None,
    steps: int,
    passes: int | None,
    device: Device,
    **how: Unpack[Reading],
) -> PrincipalComponents:
    """Return the components of a stream of rows, sharpened where they can be read again."""
    fed(sk, source, **how)
    if not steps:
        return sk.finalize(rank, tol)
    spec, dtype = sk.spec, sk.accumulator.sums().dtype
    if passes is None and spec.exact and unit_roundoff(dtype) ** 2 > unit_roundoff("float64"):
        return sk.finalize(rank, tol)  # squares in double precision see more than single products
    first = sk.whole()
    if passes is None and spec.exact:
        found = _of_squares(first, rank, tol, dtype)
        if found is not None:
            return found
        width = min(first.rank, narrow_width(_TOLERANCE_RANK if rank is None else rank, _MORE))
        first, spec = first.truncate(width), dataclasses.replace(spec, range_size=width)
    if passes is not None or can_be_held(spec, sk.shape, source, how.get("memory")):
        most = None if rank is None and passes is None else steps
        return sharpened(first, spec, source, rank, tol, most, device, **how)
    return sk.finalize(rank, tol)


def _of_squares(
    whole: PrincipalComponents, rank: int | None, tol: float | None, dtype: str
) -> PrincipalComponents | None:
    """Return components of the squares of all columns, None where these lost digits of them."""
    if tol is not None and tol < _LEAST_TOL:
        return None
    found = shortened(whole, rank, tol)
    if any(s < _RESOLVED * found.floor for s in as_floats(found.singular_values)):
        return None
    warn_of_spacing(found, dtype)
    return with_passes(found.astype(dtype), 1)


def _plan(
    source: MatrixSource, rank: int, sketch_rank: int | None, passes: int | None
) -> tuple[int, int]:
    """Return how wide the first reading's sketch is, and how many steps sharpen what it finds.

    It is wider where it stays alone. Rows span no more than their number.
    """
    m, n = source.shape
    most = n if m is None else min(n, max(1, m))

    def width(more: int) -> int:
        if sketch_rank is not None:
            return checked_size(sketch_rank, "sketch_rank", least=1)
        return min(most, default_width(rank, n, more))

    steps = _readings(passes, source, n > most and width(_MORE) >= most) - 1
    return width(_MORE if steps else _MORE_ALONE), steps


def _width_of_all(source: MatrixSource, width: int, memory: int | str | None) -> int:
    """Return how many columns there are where their squares cost less than further readings."""
    m, n = source.shape
    tall = (m is None or m >= _TALL * n) and n <= _WHOLE * width
    return n if tall and fits(_BYTES * n * n, memory) else width


def _readings(passes: int | None, source: MatrixSource, few_rows: bool) -> int:
    """Return how often to read the data at most: once where rows are so few that all are seen."""
    if passes is None:
        return 1 if source.single_use or few_rows else DEFAULT_PASSES
    passes = checked_size(passes, "passes", least=1)
    if source.single_use and passes > 1:
        raise PassError(
            f"an iterator can be read once, and passes={passes} were asked for; give a list or "
            "another object that can be iterated again, or passes=1"
        )
    return passes
