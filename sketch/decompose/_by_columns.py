"""Principal components of few long rows that come in columns, each of them whole."""

from __future__ import annotations

import math
from typing import Any, Unpack

from ..backend.array import Device, cast, dtype_name, moved, namespace
from ..formats import with_passes
from ..results import LeftOut, LowRank, PrincipalComponents
from ..running.reading import Budget, Reading
from ..sketches import GramNystrom, GramNystromSpec, fed, phases
from ..sources import MatrixSource, StandardizedColumns
from ._sharpened import can_be_held, shortened, space_from, warn_of_rounding

_COLUMNS_BYTES = 64_000_000  # of columns that lie together, at most


def come_in_columns(spec: GramNystromSpec, source: MatrixSource, memory: int | str | None) -> bool:
    """Whether whole columns, which are shorter than rows, cost less to read and can be held."""
    m, n = source.shape
    if m is None or not 1 < m < n or not source.column_chunk or source.single_use:
        return False
    fitting = 8 * spec.dof_each * m * source.column_chunk <= _COLUMNS_BYTES
    return fitting and can_be_held(spec, (m, n), source, memory)


def components_of_columns(
    sketch: GramNystrom,
    source: MatrixSource,
    rank: int,
    tol: float | None,
    steps: int,
    device: Device,
    *,
    check_finite: bool,
    **how: Unpack[Budget],
) -> PrincipalComponents:
    """Return the principal components of rows whose columns lie together.

    The squares that are summed are those of the short columns, as many numbers as there are rows,
    and the same blocks serve both products of a reading. The components are left singular vectors
    of the transpose.

    Parameters
    ----------
    sketch : GramNystrom
        Of rows as long as these, empty: it says how wide, and how to scale.
    source : MatrixSource
    rank, tol, device, check_finite, **how
        As in `pca`.
    steps : int
        Readings beside the first one.
    """
    spec, m = sketch.spec, source.shape[0]
    assert m is not None
    given = sketch.accumulator.state.passes.kept.get("scale")
    columns = StandardizedColumns(
        source,
        center=spec.center,
        scale=spec.scale if given is None else given,
        check_finite=check_finite,
    )
    options: dict[str, Any] = {"seed": spec.seed, "dtype": spec.dtype, "device": device}
    width = min(m, spec.range_size)
    sk = GramNystrom(m, min(rank, width), sketch_rank=width, center=False, **options)
    reading: Reading = {**how, "check_finite": check_finite}
    first = fed(sk, columns, **reading).whole()
    found = space_from(first, 0.0, columns, rank, None, steps, sk.spec, device, **reading)
    whole = with_passes(_components(found, first, columns), 1 + found.n_passes)
    short = shortened(whole, rank, tol)
    warn_of_rounding(short, dtype_name(found.s.dtype))
    return short


def _components(
    found: LowRank, first: PrincipalComponents, columns: StandardizedColumns
) -> PrincipalComponents:
    """Return the left singular vectors of columns as principal components of rows.

    What they miss of the variance is what remains of it, but for rounding errors.
    """
    m, n = columns.shape[1], len(columns.mean)
    norm, divisor = first.error.norm, max(m - 1, 1)
    captured = float(namespace(found.s).linalg.vector_norm(found.s))
    missed = max(0.0, (norm - captured) * (norm + captured)) + 2 * norm * found.error.floor
    components = found.U.T
    turned = namespace(components).conj(phases(components))[:, None]
    return PrincipalComponents(
        cast(turned * components, dtype_name(found.U.dtype)),
        found.s,
        moved(columns.mean, components),
        (norm / math.sqrt(divisor)) ** 2,
        float(m),
        missed / divisor,
        found.error,
        found.error.floor,
        moved(columns.scale, components),
        left_out=_of_samples(first.left_out, max(n - 1, 1) / divisor),
    )


def _of_samples(left_out: LeftOut | None, share: float) -> LeftOut | None:
    """Return variances of columns as those of the rows, of which there is another number."""
    if left_out is None:
        return None
    return LeftOut(left_out.variances * share, left_out.size * share, left_out.degrees)
