"""Errors of results against data that are read once more: from all entries, or by fresh probes."""

from __future__ import annotations

from typing import Unpack

from ..backend.array import Array, quiet
from ..errors import DtypeError
from ..finalize import probe_error
from ..formats import TensorTrain
from ..results import ErrorEstimate, LowRank
from ..running.reading import Reading
from ..sources import MatrixSource, as_tensor_source
from ._accumulator import Accumulator
from ._feed import fed
from ._generalized_nystrom import GeneralizedNystrom
from ._method import SomeBlock
from ._residual import ResidualSpec
from ._stta import STTA
from ._tensor_steps import error_of

_PROBES = 20


def entrywise_error(
    spec: ResidualSpec[SomeBlock], data: object, **how: Unpack[Reading]
) -> ErrorEstimate:
    """Return the exact error of the result that a spec is made of; `how` as `fed` takes it."""
    accumulator = Accumulator(spec, None)
    accumulator.commit(accumulator.contribution(data, **how))
    with quiet():
        return spec.finish(accumulator.sums(), None, None)


def probed_matrix_error(
    result: LowRank, left: Array, source: MatrixSource, seed: int, **how: Unpack[Reading]
) -> ErrorEstimate:
    """Return the error of a low-rank matrix by products of the data with probes.

    Parameters
    ----------
    result : LowRank
    left : array
        Its left singular vectors, in memory.
    source : MatrixSource
    seed : int
        Of none of the two.
    **how
        As `fed` takes it.
    """
    sk = fed(GeneralizedNystrom(source.shape, 1, seed=seed, error_probes=_PROBES), source, **how)
    sums = sk.accumulator.sums()
    ours = sums.maps["error"].adjoint_product(left * result.s) @ result.Vh
    return probe_error(
        sums.whole("error") - ours,
        captured=result.norm(),
        columns=result.rank,
        probes=_PROBES,
        dof_each=sk.spec.dof_each,
        roundoff=sums.roundoff(result.norm()),
        orthogonal=False,
    )


def probed_train_error(
    train: TensorTrain, data: object, seed: int, **how: Unpack[Reading]
) -> ErrorEstimate:
    """Return the error of a train by probes of a seed that neither it nor the data know."""
    sk = fed(STTA(train.shape, 1, seed=seed), as_tensor_source(data), **how)
    sums = sk.accumulator.sums()
    if "probe" not in sums.state.parts:
        raise DtypeError("the data have no entries, and so no error")
    return error_of(sums, train, sums.whole("probe"), 0)
