"""Tensor trains fitted to scattered entries by alternating least squares, the rank grown by one.

Each core is the solution of a least-squares problem for every index i of its mode, of the entries
that have this index: with the interfaces L_p and R_p of the modes before and behind at entry p,
``(M^* M + ridge I) vec(core[:, i, :]) = M^* x`` for the rows ``M_p = L_p kron R_p``. The other
cores are orthogonal by then, which keeps the systems conditioned.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..backend.array import cuts, to_host
from ..formats import TensorTrain
from ..numerics.index_keys import Points
from ..numerics.linalg import frobenius_norm
from ..numerics.random import normal_rows
from ._function_block import Values

_START = 9  # stream of random numbers, beside those of test matrices
_START_SWEEPS = 4
_SPREAD = 0.5  # of the entries of random starts about one
_RIDGE = 1e-10  # of the trace of a system
_BLOCK_ROWS = 50_000
_SEEN, _SLOW = 5, 0.99  # sweeps, after which the misfit should have fallen by as much


class KnownEntries:
    """Where a tensor is known: multi-indices (p, d), each once."""

    def __init__(self, points: Points, shape: tuple[int, ...]) -> None:
        self.points, self.shape = points, shape

    @functools.cached_property
    def by_index(self) -> list[list[NDArray[np.intp]]]:
        """Which entries have an index, for each index of each mode."""
        found = []
        for mode, size in enumerate(self.shape):
            places = self.points[:, mode]
            order = np.argsort(places, kind="stable")
            found.append(np.split(order, np.searchsorted(places[order], np.arange(1, size))))
        return found


def grown(
    cores: Sequence[Values],
    known: KnownEntries,
    values: Values,
    limits: Sequence[int],
    seed: int,
    start: int,
) -> list[Values]:
    """Return a train with a part of rank one more, that is fitted to what was left over.

    Parameters
    ----------
    cores : sequence of array
        Of the train so far; none at the beginning.
    known : KnownEntries
    values : array, shape (p,)
        In double precision, of size about 1.
    limits : sequence of int
        Ranks that are not exceeded.
    seed, start : int
        Where the part starts: start 0 from ones, others at random.
    """
    rank = max((core.shape[2] for core in cores), default=0)
    if cores:
        train = TensorTrain(cores)
        part = _part(known, values - to_host(train.entries(known.points)), seed, rank, start)
        done = [to_host(core) for core in (train + TensorTrain(part)).cores]
    else:
        done = _part(known, values, seed, rank, start)
    for mode, limit in enumerate(limits):
        _pass_on(done, mode, limit)
    for mode in range(len(done) - 1, 0, -1):
        _pass_back(done, mode)
    return done


def sweeps(tt: TensorTrain, known: KnownEntries, values: Values) -> Iterator[TensorTrain]:
    """Yield the train after each of the sweeps that bring it closer to the values.

    Each begins beyond the last train, by a share of the last step that grows with their number
    [1]_; at the last train anew where that led away from the values.

    References
    ----------
    .. [1] D. Mitchell, N. Ye, H. De Sterck, "Nesterov acceleration of alternating least squares for
       canonical tensor decomposition: momentum step size and restart mechanisms", Numer. Linear
       Algebra Appl. 27 (2020) e2297, arXiv:1810.05846.
    """
    ahead, steps, misfits = tt, 0, [math.inf]
    while len(misfits) <= _SEEN or misfits[-1] < _SLOW * misfits[-1 - _SEEN]:
        new = TensorTrain(swept([to_host(core) for core in ahead.cores], known, values))
        misfit = frobenius_norm(values - to_host(new.entries(known.points)))
        if misfit < misfits[-1]:
            steps += 1
            share = (steps - 1) / (steps + 2)
            ahead = ((1 + share) * new - share * tt).round(new.ranks) if share else new
            tt = new
            misfits.append(misfit)
            yield tt
        elif steps:
            ahead, steps = tt, 0
        else:
            return


def swept(cores: Sequence[Values], known: KnownEntries, values: Values) -> list[Values]:
    """Return the train after each core but the ends was fitted twice, to and fro.

    ``O(p r^4)`` operations for each mode, and room for p times the sum of all ranks.
    """
    done, last, by_index = list(cores), len(cores) - 1, known.by_index
    one = np.ones((len(values), 1))
    behind = [one]  # R for each mode, the last one first
    for mode in range(last, 0, -1):
        behind.append(_passed(behind[-1], done[mode].transpose(2, 1, 0), by_index[mode]))
    before = [one]  # L for each mode
    for mode in range(last):
        done[mode] = _fitted(done[mode], by_index[mode], values, before[-1], behind[last - mode])
        _pass_on(done, mode)
        before.append(_passed(before[-1], done[mode], by_index[mode]))
    right = one
    for mode in range(last, 0, -1):
        done[mode] = _fitted(done[mode], by_index[mode], values, before[mode], right)
        _pass_back(done, mode)
        right = _passed(right, done[mode].transpose(2, 1, 0), by_index[mode])
    done[0] = _fitted(done[0], by_index[0], values, before[0], right)
    return done


def _passed(rows: Values, core: Values, by_index: Sequence[NDArray[np.intp]]) -> Values:
    """Return interfaces (p, a) behind a mode: each times the slice of the core (a, n, b)."""
    out = np.empty((len(rows), core.shape[2]), np.result_type(rows, core))
    for index, entries in enumerate(by_index):
        out[entries] = rows[entries] @ core[:, index, :]
    return out


def _fitted(
    core: Values,
    by_index: Sequence[NDArray[np.intp]],
    values: Values,
    before: Values,
    behind: Values,
) -> Values:
    """Return the core (a, n, b) that fits the values best; zero where no entry is known.

    Its change solves the systems for what the core leaves over: so the ridge, which holds what the
    entries say nothing of, takes nothing from the others once the sweeps have converged.
    """
    a, n, b = core.shape
    kind = np.result_type(core, values, before, behind)
    out = np.zeros((n, a * b), kind)
    for index, entries in enumerate(by_index):
        if not len(entries):
            continue
        old = core[:, index, :].reshape(-1)
        gram, right = np.zeros((a * b, a * b), kind), np.zeros(a * b, kind)
        for cut in cuts(len(entries), _BLOCK_ROWS):
            some = entries[cut]
            rows = (before[some][:, :, None] * behind[some][:, None, :]).reshape(-1, a * b)
            gram += rows.conj().T @ rows
            right += rows.conj().T @ (values[some] - rows @ old)
        trace = float(np.trace(gram).real)
        gram[np.diag_indices(a * b)] += _RIDGE * trace if trace else 1.0
        out[index] = old + np.linalg.solve(gram, right)
    return out.reshape(n, a, b).transpose(1, 0, 2)


def _part(known: KnownEntries, rest: Values, seed: int, rank: int, start: int) -> list[Values]:
    """Return a train of rank one that is fitted to values."""
    edges = [0, *itertools.accumulate(known.shape)]
    row = (rank << 8) + start
    drawn = 1 + _SPREAD * (start > 0) * normal_rows(seed, _START, row, row + 1, edges[-1])[0]
    part = [drawn[lo:hi].reshape(1, -1, 1) for lo, hi in itertools.pairwise(edges)]
    for mode in range(len(part) - 1, 0, -1):
        _pass_back(part, mode)
    for _ in range(_START_SWEEPS):
        part = swept(part, known, rest)
    return part


def _pass_on(cores: list[Values], mode: int, limit: int | None = None) -> None:
    """Make a core left-orthogonal in place, at most `limit` wide; the next one takes the rest."""
    a, n, b = cores[mode].shape
    u, s, vh = np.linalg.svd(cores[mode].reshape(a * n, b), full_matrices=False)
    cores[mode] = u[:, :limit].reshape(a, n, -1)
    cores[mode + 1] = np.tensordot((s[:, None] * vh)[:limit], cores[mode + 1], 1)


def _pass_back(cores: list[Values], mode: int) -> None:
    """Make a core right-orthogonal in place; the one before takes the rest."""
    a, n, b = cores[mode].shape
    u, s, vh = np.linalg.svd(cores[mode].reshape(a, n * b), full_matrices=False)
    cores[mode] = vh.reshape(-1, n, b)
    cores[mode - 1] = np.tensordot(cores[mode - 1], u * s, 1)
