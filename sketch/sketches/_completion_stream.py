"""Completion in one pass: rows are solved for as they come, columns anew as their entries grow.

The first rows are kept whole until there are enough to fit columns to. From there on each row is
solved for with the columns at hand and adds to the normal equations of the columns in it; these are
solved whenever the entries have grown by a share. Earlier entries weigh less, in proportion to how
many there were, since the factors that they were given were worse [1]_. All of it happens at rows
that the data determine, so that chunks do not matter.

References
----------
.. [1] Y. Chi, Y. Eldar, R. Calderbank, "PETRELS: parallel subspace estimation and tracking by
   recursive least squares from partial observations", IEEE Trans. Signal Process. 61 (2013),
   arXiv:1207.6353.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..backend.array import to_host
from ..finalize import fitted, split
from ..numerics.alternating import OtherSide, Ridge, column_equations, row_factors
from ..numerics.known_rows import KnownRows, Reals
from ._part import Part
from ._row_sample import RowSample
from ._state import Kept, State

if TYPE_CHECKING:
    from ._completion_spec import CompletionSpec

Numbers = NDArray[np.int64]
"""Of rows, within the matrix."""

_SETTLED = 0.05  # change of predictions below which the start of a stream is good enough
_GROWTH = 8  # columns are solved for when the entries have grown by an eighth


# ---- what a state holds ----------------------------------------------------------------------


def is_started(state: State) -> bool:
    """Whether there are factors of the columns."""
    return "columns" in state.passes.kept


def ridge_of(spec: CompletionSpec, kept: Kept) -> Ridge:
    """Return how factors are kept small, once that is known."""
    weight, bias_weight, level, scale = map(float, kept["ridge"])
    return Ridge(weight, bias_weight if spec.biases else None, level, scale)


def sample_of(state: State) -> RowSample:
    """Return the rows that are kept whole."""
    if "sample_numbers" not in state.passes.kept:
        return RowSample.empty()
    return RowSample.held_in(state.passes.kept, int(state.facts["level"]))


def having_sample(state: State, sample: RowSample) -> State:
    """Return a state with other rows kept whole."""
    return keeping(state, **sample.arrays()).having(facts={**state.facts, "level": sample.level})


def keeping(state: State, **arrays: object) -> State:
    """Return a state with further arrays kept."""
    passes = dataclasses.replace(state.passes, kept={**state.passes.kept, **arrays})
    return state.having(passes=passes)


def equations_of(state: State, n: int) -> Reals:
    """Return the normal equations of all columns, (n, width)."""
    return to_host(state.parts["equations"].full(n).T)


def having_equations(state: State, equations: Reals) -> State:
    """Return a state with other normal equations of the columns."""
    return state.having(parts={"equations": Part.of(equations.T)})


def solved(spec: CompletionSpec, state: State) -> Reals:
    """Return the columns that solve the equations."""
    columns: Reals = state.passes.kept["columns"]
    if "equations" not in state.parts:
        return columns
    ridge = ridge_of(spec, state.passes.kept)
    return ridge.solved(equations_of(state, spec.n), columns.shape[1])


# ---- rows in ---------------------------------------------------------------------------------


def counted(spec: CompletionSpec, state: State, rows: KnownRows, numbers: Numbers) -> State:
    """Return a state that has counted rows, and those with fewer known entries than the rank.

    Where further passes will be compared with the first one, also the entries that they will use.
    """
    more = {"rows": rows.shape[0], "short": int((rows.counts < min(spec.ranks)).sum())}
    if spec.passes > 1:
        more["used"] = split(rows, numbers, spec.seed, spec.holdout).rows.n_known
    sums = {name: state.facts.get(name, 0) + number for name, number in more.items()}
    return state.having(facts={"level": 0, **state.facts, **sums})


def sampled(spec: CompletionSpec, state: State, rows: KnownRows, numbers: Numbers) -> State:
    """Return a state with some of the rows kept whole."""
    sample = sample_of(state)
    more = RowSample.of(rows, numbers, state.dtype or "float64", sample.level, spec.seed)
    sample = sample.with_rows(more, spec.seed).within(spec.sample, spec.seed)
    return having_sample(state, sample)


def followed(spec: CompletionSpec, state: State, rows: KnownRows, numbers: Numbers) -> State:
    """Return the state of a stream after further rows."""
    up_to, at = np.concatenate([[0], np.cumsum(rows.counts)]), 0
    while at < rows.shape[0]:
        begun = is_started(state)
        room = _target(spec, state) if begun else spec.sample - sample_of(state).n_entries
        if begun:
            stop = int(np.searchsorted(up_to, up_to[at] + room))
        else:
            stop = int(np.searchsorted(up_to, up_to[at] + room, side="right")) - 1
            stop = max(stop, at + (sample_of(state).n_entries == 0))
        stop = min(max(stop, at + begun), rows.shape[0])
        some = rows[at:stop], numbers[at:stop]
        state = sampled(spec, state, *some)
        if begun:
            state = _summed(spec, state, *some, float(up_to[stop] - up_to[at]))
        elif stop < rows.shape[0]:
            state = started(spec, state, settled=_SETTLED)
        at = stop
    return state


def added_equations(spec: CompletionSpec, kept: Kept, rows: KnownRows, numbers: Numbers) -> Reals:
    """Return what rows add to the equations, solved for with the columns that are kept."""
    part, ridge = split(rows, numbers, spec.seed, spec.holdout), ridge_of(spec, kept)
    left = row_factors(part.rows, OtherSide(kept["columns"], ridge))
    return column_equations(part.rows, left, ridge)


def started(spec: CompletionSpec, state: State, **options: float) -> State:
    """Return a state with columns that fit the rows kept whole, and their equations."""
    sample = sample_of(state)
    rows = sample.rows(spec.n)
    part = split(rows, sample.numbers, spec.seed, spec.holdout)
    fit = fitted(
        part.rows, sample.numbers, spec.ranks, spec.ridge, spec.biases, spec.seed, **options
    )
    left = row_factors(part.rows, OtherSide(fit.columns, fit.ridge))
    values = dataclasses.astuple(fit.ridge)
    ridge = np.array([0.0 if value is None else value for value in values])
    state = keeping(state, columns=fit.columns, ridge=ridge)
    return _weighed(
        spec,
        state.having(facts={**state.facts, "entries": float(sample.n_entries), "fresh": 0.0}),
        column_equations(part.rows, left, fit.ridge),
    )


def _summed(
    spec: CompletionSpec, state: State, rows: KnownRows, numbers: Numbers, entries: float
) -> State:
    """Return a state with the equations of rows added, and the columns solved for where due."""
    more = added_equations(spec, state.passes.kept, rows, numbers)
    total = np.add(more, equations_of(state, spec.n), out=more)
    facts = {**state.facts, "fresh": state.facts["fresh"] + entries}
    state = having_equations(state.having(facts=facts), total)
    if _target(spec, state) > 0:
        return state
    facts = {**facts, "entries": facts["entries"] + facts["fresh"], "fresh": 0.0}
    state = keeping(state.having(facts=facts), columns=solved(spec, state))
    return _weighed(spec, state, total)


def _weighed(spec: CompletionSpec, state: State, equations: Reals) -> State:
    """Return a state whose equations weigh as much less as the entries will have grown."""
    entries = state.facts["entries"]
    if not state.facts.get("fades"):
        equations *= entries / (entries + _target(spec, state))
    return state.having(parts={"equations": Part.of(equations.T)})


def _target(spec: CompletionSpec, state: State) -> float:
    """Return after how many further entries the columns are solved for."""
    size = spec.n * (int(state.passes.kept["columns"].shape[1]) - 1)
    return float(max(size, state.facts["entries"] / _GROWTH) - state.facts["fresh"])


# ---- states together -------------------------------------------------------------------------


def joined(spec: CompletionSpec, total: State, ours: State, theirs: State) -> State:
    """Return the total of states that have sampled rows only, with the rows of both."""
    if not (ours.facts and theirs.facts):
        facts, kept = (ours.facts, ours.passes) if ours.facts else (theirs.facts, theirs.passes)
        return total.having(facts=facts, passes=kept)
    both = ours.facts.keys() & theirs.facts.keys() & {"rows", "short", "used"}
    facts = {name: ours.facts[name] + theirs.facts[name] for name in both}
    sample = sample_of(ours).with_rows(sample_of(theirs), spec.seed)
    return having_sample(total.having(facts=facts), sample.within(spec.sample, spec.seed))


def faded(spec: CompletionSpec, state: State, weight: float) -> State:
    """Return a state whose data weigh less."""
    facts = dict(state.facts)
    if facts and weight < 1:
        facts["fades"] = facts.get("fades", 0) + 1
        sample = sample_of(state).faded(weight, spec.seed, facts["fades"])
        state = having_sample(state, sample)
    if "entries" in facts:
        facts["entries"] = facts["entries"] * weight
    parts = {name: part.times(weight) for name, part in state.parts.items()}
    return state.having(parts=parts, facts=facts)
