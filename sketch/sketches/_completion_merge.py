"""Two streams of completion as one: the factors of one turned to those of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import IncompatibleSketchError
from ..numerics.alternating import width
from ..numerics.known_rows import Reals
from ..numerics.packed import packed, unpacked
from ._completion_stream import (
    equations_of,
    followed,
    having_equations,
    having_sample,
    is_started,
    keeping,
    ridge_of,
    sample_of,
    solved,
)
from ._state import State

if TYPE_CHECKING:
    from ._completion_spec import CompletionSpec

_WORST_CONDITION = 1e4  # of what turns factors: beyond it, one of them misses directions
_PANEL_BYTES = 32_000_000


def merged(spec: CompletionSpec, ours: State, theirs: State) -> State:
    """Return the state of two streams of different rows.

    Raises
    ------
    IncompatibleSketchError
        If their columns cannot be turned to each other.
    """
    for one, other in ((ours, theirs), (theirs, ours)):
        if not other.facts:
            return one.having(seen=tuple(map(max, one.seen, other.seen)))
    if not is_started(theirs):
        return _with_rows(spec, ours, theirs)
    if not is_started(ours):
        return _with_rows(spec, theirs, ours)
    equations = equations_of(ours, spec.n) + _turned(spec, theirs, ours)
    sample = sample_of(ours).with_rows(sample_of(theirs), spec.seed)
    facts = dict(ours.facts)
    for name in ("rows", "short", "entries", "fresh"):
        facts[name] += theirs.facts[name]
    state = having_sample(
        ours.having(facts=facts, seen=tuple(map(max, ours.seen, theirs.seen))),
        sample.within(spec.sample, spec.seed),
    )
    state = having_equations(state, equations)
    return keeping(state, columns=solved(spec, state))


def _with_rows(spec: CompletionSpec, state: State, other: State) -> State:
    """Return a state after the rows of another one, which keeps all of them whole."""
    sample, seen = sample_of(other), tuple(map(max, state.seen, other.seen))
    facts = {"rows": 0, "short": 0, "level": 0, **state.facts}
    for name in ("rows", "short"):
        facts[name] += other.facts[name]
    state = state.having(facts=facts, seen=seen, dtype=spec.joint_dtype(state.dtype, other.dtype))
    return followed(spec, state, sample.rows(spec.n), sample.numbers)


def _turned(spec: CompletionSpec, state: State, like: State) -> Reals:
    """Return the equations of a state for rows whose factors fit the columns of another.

    With ``v1 = R^T v2 + t`` and ``c1 = q c2 + <d, v2> + e``, q the ratio of the scales, rows of
    equal predictions have ``u1 = R^-1 (q u2 - d)``, and a bias that is smaller than q times theirs
    by ``e + <u1, t>``.
    """
    ratio = ridge_of(spec, state.passes.kept).scale / ridge_of(spec, like.passes.kept).scale
    turn = _turn(spec, state, like, ratio)
    size, equations = len(turn), equations_of(state, spec.n)
    split = width(size) - size
    inverse = np.eye(size)  # of (u2, 1) to (u1, 1)
    inverse[:-1, :-1] = np.linalg.inv(turn[:-1, :-1])
    inverse[:-1, -1] = -inverse[:-1, :-1] @ turn[:-1, -1]
    inverse[:-1, :-1] *= ratio
    shift = turn[-1].copy()
    step = max(1, _PANEL_BYTES // (8 * size * size))
    out = np.empty_like(equations)
    for start in range(0, len(equations), step):
        cut = slice(start, start + step)
        gram = inverse @ unpacked(equations[cut, :split], size) @ inverse.T
        out[cut, :split] = packed(gram)
        out[cut, split:] = ratio * equations[cut, split:] @ inverse.T + gram @ shift
    return out


def _turn(spec: CompletionSpec, state: State, like: State, ratio: float) -> Reals:
    """Return ``[[R, d], [t, e]]`` by least squares over the columns that both states know."""
    theirs, target = state.passes.kept["columns"], like.passes.kept["columns"].copy()
    if theirs.shape != target.shape:
        raise IncompatibleSketchError(
            f"the streams have chosen the ranks {target.shape[1] - 1} and {theirs.shape[1] - 1}; "
            "give one rank to merge them"
        )
    size = theirs.shape[1]
    count = width(size) - size - 1  # the equation that counts entries
    known = [equations_of(one, spec.n)[:, count] for one in (state, like)]
    weights = np.sqrt(np.minimum(*known))[:, None]
    shared = int(np.count_nonzero(weights))
    if shared < size:
        raise IncompatibleSketchError(
            f"the streams have entries in {shared} columns in common, and {size} are needed to "
            "turn the factors of one to those of the other; feed larger parts"
        )
    target[:, -1] -= ratio * theirs[:, -1]
    design = theirs.copy()
    design[:, -1] = float(spec.biases)
    turn: Reals = np.linalg.lstsq(weights * design, weights * target, rcond=None)[0]
    condition = float(np.linalg.cond(turn[:-1, :-1]))
    if not condition < _WORST_CONDITION:
        raise IncompatibleSketchError(
            f"the columns of the two streams differ by a matrix of condition {condition:.2g}: one "
            "of them has found directions that the other has not. Feed larger parts, take a "
            "smaller rank, or several passes, whose parts are merged as they are"
        )
    return turn
