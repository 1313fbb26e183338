"""Principal components of rows with missing entries, by way of their completion."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from ..backend.array import to_host, widened
from ..errors import ArgumentError, OptionError, PassError, RankError
from ..formats import with_passes, with_seeds
from ..from_entries import complete
from ..results import Completed, ErrorEstimate, PrincipalComponents
from ..sketches import phases


def fitted_components(rows: Any, rank: int | None, options: dict[str, Any]) -> PrincipalComponents:
    """Return the components of a low-rank model of rows, see `pca`.

    Raises
    ------
    RankError, OptionError, PassError
        If there is no rank, other options than those of `complete` are given, or rows can be read
        once only.
    """
    if rank is None:
        raise RankError('missing="fit" needs a rank, that of the model: pca(rows, rank=20)')
    idle = {"tol": None, "sketch_rank": None, "center": True, "scale": False, "device": None}
    given = [name for name, value in idle.items() if options.pop(name) is not value]
    if given:
        raise OptionError(f'missing="fit" takes no {", ".join(given)}; leave it out')
    options.pop("check_finite")
    found = complete(rows, rank, **options)
    if found.rows is None:
        raise PassError(
            'missing="fit" reads rows twice, and an iterator can be read once; give a list or '
            "another object that can be iterated again"
        )
    made = _components(found, rank)
    return with_passes(with_seeds(made, found.seeds), found.n_passes)


def checked_missing(missing: object) -> bool:
    """Return whether missing entries are to be fitted."""
    if missing is not None and not (isinstance(missing, str) and missing == "fit"):
        raise ArgumentError(f'missing must be None or "fit", got {missing!r}')
    return missing is not None


def _components(found: Completed, rank: int) -> PrincipalComponents:
    """Return the leading directions of the completed rows about their mean.

    What the model leaves of an entry counts as variance in directions that are not found.
    """
    left, basis = to_host(widened(found.U * found.s)), to_host(widened(found.Vh))
    center = left.mean(axis=0)
    _, s, directions = np.linalg.svd(left - center, full_matrices=False)
    components = directions[:rank] @ basis
    (m, n), kept = found.shape, s[:rank]
    noise = 0.0 if math.isnan(found.rmse.value) else found.rmse.value * math.sqrt(m * n)
    missed = math.hypot(noise, *s[rank:])
    total = math.hypot(missed, *kept)
    root = math.sqrt(max(m - 1, 1))
    return PrincipalComponents(
        components=(components / phases(components)[:, None]).astype(found.dtype),
        singular_values=kept,  # in double precision, as variances are their squares
        mean=found.mean.astype(np.float64) + center @ basis,
        total_variance=_square(total / root),
        n_samples=float(m),
        missed_variance=_square(missed / root),
        error=ErrorEstimate(missed, total, "heuristic", found.rmse.method, 0.0),
    )


def _square(x: float) -> float:
    """Return the square, infinite beyond the range of numbers."""
    return math.inf if x > math.sqrt(sys.float_info.max) else x * x
