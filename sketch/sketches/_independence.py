"""Data that depend on the test matrices of a sketch: what an earlier one made or left over."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..backend.array import Array, HostArray, moved, quiet, to_host
from ..errors import DtypeError, SeedWarning, warn
from ..formats import seeds_of
from ..maps import STREAMS, DrawnMatrix
from ..numerics.linalg import frobenius_norm, rescaled, scale_exponent
from ..numerics.seeds import checked_seed, unused_seed
from ..sources import MatrixSource

_ROWS = 32  # of the data, that are compared with their sketch
_DRAWN = 2**22  # numbers of a test matrix that are drawn for it at most
_FILLED = 0.25  # of the entries in rows and columns that are not zero, at least
_LOG_CHANCE = math.log(1e-12)  # of data that are taken for dependent by mistake

AnySketch = TypeVar("AnySketch", bound=Any)


def independent_seed(seed: object, data: object) -> int:
    """Return a seed, or another that follows from it where the data show results that it made."""
    return unused_seed(checked_seed(seed), seeds_of(data))


def warn_of_seed(seed: int, data: object) -> None:
    """Warn where data show a result that comes from the seed they are sketched with."""
    if seed in seeds_of(data):
        warn(
            f"the data hold a result of a sketch with the seed {seed}, and so depend on the test "
            "matrices of this one: it finds little that is new and takes its error for too small. "
            "Make it with another seed (seed=None draws one), or call svd, pca or tensor_train, "
            "which do that by themselves",
            SeedWarning,
        )


def made_apart(make: Callable[[int], AnySketch], seed: int, source: MatrixSource) -> AnySketch:
    """Make a sketch whose test matrix the data do not depend on, of this seed or one that follows.

    What an earlier sketch left over is orthogonal to its test matrix, or nearly so. Nothing else
    tells it once the result was made an array: a few rows are compared with their sketch, which
    has their norm but for chance.
    """
    used = set[int]()
    while True:
        sk = make(unused_seed(seed, used))
        omega = next(iter(sk.maps.values()))  # of the first product with the data
        apart = source.sparse or omega.family.sparse
        drawn = omega if apart else sk.maps.get("both", omega)  # as it will be drawn again
        with quiet():  # what is not finite is found in the products
            rows = _some_rows(source, left=omega.stream == STREAMS["corange"])
            if rows is None or not _depends(*rows, omega, drawn):
                return sk
        used.add(sk.spec.seed)


def _some_rows(source: MatrixSource, *, left: bool) -> tuple[HostArray, Array] | None:
    """Return the first rows of data that are at hand, or of their adjoint; and where they are."""
    if source.single_use or source.on_disk or source.by_products or source.dask_array is not None:
        return None
    m, n = source.shape
    if m is None:
        return None
    few = (m, min(n, _ROWS)) if left else (min(m, _ROWS), n)
    try:
        home = source.window(*(slice(0, size) for size in few))[0]
    except DtypeError:  # the format cannot tell them
        return None
    rows = to_host(home)
    rows = rows.conj().T if left else rows
    there = rows != 0
    filled = np.count_nonzero(there)
    reached = filled if filled == there.size else there.any(axis=1).sum() * there.any(axis=0).sum()
    if filled < _FILLED * reached:  # what a sketch leaves over is not so
        return None
    return rows.astype(source.dtype, copy=False), home


def _depends(rows: HostArray, home: Array, omega: DrawnMatrix, drawn: DrawnMatrix) -> bool:
    """Whether the sketch of some rows has a norm that no independent one would have.

    ``||A Omega||^2`` is a sum of chi-square variates whose weights are the squares of the singular
    values of A. Its chances are bounded by Chernoff's inequality. Omega are the first columns of
    what is drawn.
    """
    n, width = rows.shape[1], omega.width
    rows = rescaled(rows, -scale_exponent(rows))
    norm = frobenius_norm(rows)
    if not 0 < norm < math.inf or n * width > _DRAWN or not omega.family.gaussian_like:
        return False
    if np.iscomplexobj(rows) and omega.field == "real":
        rows = np.concatenate([rows.real, rows.imag])
    rows = rows / norm
    if omega.family.sparse:
        product = to_host(omega.adjoint_product(rows.conj().T))
    else:
        there = moved(rows, home)
        product = to_host(there @ drawn.rows(0, n).array(there)[:, :width])
    degrees = width * (2 if omega.field == "complex" else 1)
    ratio = float(np.linalg.norm(product)) ** 2 / width
    gram = rows @ rows.conj().T
    if abs(ratio - 1) < 4 * math.sqrt(2 / degrees) * np.linalg.norm(gram):  # standard deviations
        return False
    weights = np.clip(np.linalg.eigvalsh(gram).astype(np.float64), 0, None) / degrees
    return _log_chance(weights, degrees, ratio) < _LOG_CHANCE


def _log_chance(weights: HostArray, degrees: int, value: float) -> float:
    """Bound ``log P(Y <= value)`` or, above the mean, ``log P(Y >= value)``.

    Of ``Y = sum(weights * X)`` with chi-square variates X, by the least
    ``t value - degrees / 2 sum(log(1 + 2 t weights))``, whose slope in t is increasing.
    """
    low, high = -0.5 / weights.max(), 0.5 * degrees * len(weights) / max(value, 1e-300)
    for _ in range(60):
        t = (low + high) / 2
        slope = value - degrees * float(np.sum(weights / (1 + 2 * t * weights)))
        low, high = (low, t) if slope > 0 else (t, high)
    return float(high * value - degrees / 2 * np.sum(np.log1p(2 * high * weights)))
