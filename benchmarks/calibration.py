"""How often intervals hold the truth: methods x spectra x dtypes x confidence.

Run ``python3 dev bench calibration [--seeds 400] [--processes 2]``.

Every case is sketched once for each seed and compared with the data themselves. The table gives the
share of the true errors within each interval, the median of its two ends over the truth, and the
mean square of the estimates over that of the errors.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tabled import table

import sketch
from sketch.testing import exponential, flat, low_rank_plus_noise, polynomial, with_spectrum

M, N, RANK = 60, 48, 5
RANGE = 2 * RANK + 10
TENSOR = (8, 9, 10)
LEVELS = (0.5, 0.95, 0.99, 0.9999)
DTYPES = ("float64", "float32", "complex128", "complex64")
Array = NDArray[Any]
Results = Iterator[tuple[str, Array, Any]]  # what was asked for, the data, the result


def clusters(size: int) -> Array:
    """Return singular values in groups of six, each half as large as the one before."""
    return np.asarray(0.5 ** (np.arange(size) // 6))


def one_sign(dtype: str) -> Array:
    """Return entries far from zero, whose rounding errors do not average out."""
    rng = np.random.default_rng(0)
    entries = 100 + rng.random((M, N))
    return (entries * (1 + 1j) if dtype.startswith("complex") else entries).astype(dtype)


MATRICES: dict[str, Callable[[str], Array]] = {
    "steep": lambda dtype: with_spectrum((M, N), exponential(N, 0.6), dtype=dtype),
    "1/i": lambda dtype: with_spectrum((M, N), polynomial(N), dtype=dtype),
    "flat": lambda dtype: with_spectrum((M, N), flat(N), dtype=dtype),
    "clusters": lambda dtype: with_spectrum((M, N), clusters(N), dtype=dtype),
    "plateau": lambda dtype: with_spectrum((M, N), low_rank_plus_noise(N, 10, 0.05), dtype=dtype),
    "one residual direction": lambda dtype: with_spectrum(
        (M, N), exponential(RANGE + 1, 0.9), dtype=dtype
    ),
    "exact rank": lambda dtype: with_spectrum((M, N), polynomial(RANK), dtype=dtype),
    "one sign": one_sign,
    "coherent": lambda dtype: with_spectrum((M, N), polynomial(N), dtype=dtype, coherent=True),
}


def tensor(spectrum: str, dtype: str) -> Array:
    """Return a tensor whose first unfolding has such singular values."""
    if spectrum == "exact rank":
        rng = np.random.default_rng(0)
        factors = [rng.standard_normal((n, 2)) for n in TENSOR]
        return np.einsum("ir,jr,kr->ijk", *factors).astype(dtype)
    flat_shape = (TENSOR[0], TENSOR[1] * TENSOR[2])
    values = {
        "steep": exponential(8, 0.3),
        "1/i": polynomial(8),
        "flat": flat(8),
        "clusters": clusters(8),
    }[spectrum]
    return with_spectrum(flat_shape, values, dtype=dtype).reshape(TENSOR)


def declared(a: Array) -> str | None:
    """Return the dtype to declare: complex data are told, so that test matrices are complex."""
    return str(a.dtype) if np.iscomplexobj(a) else None


def fed(sk: Any, a: Array, chunks: int = 2) -> Any:
    """Return a sketch after its passes over a few chunks of columns, which tell no norm."""
    for _ in range(getattr(sk, "n_passes", 1)):
        edges = np.linspace(0, a.shape[1], chunks + 1).astype(int)
        for start, stop in itertools.pairwise(edges):
            sk.update(a[:, start:stop], at=(0, int(start)))
        if hasattr(sk, "end_pass"):
            sk.end_pass()
    return sk


def truncations(sk: Any, a: Array, ranks: tuple[int, ...]) -> Results:
    """Yield results of several ranks."""
    for rank in ranks:
        yield f"rank {rank} of {RANGE}", a, sk.finalize(rank)


def nystrom(a: Array, seed: int) -> Results:
    """Yield one-pass results, estimated from their own least-squares problem."""
    sk = sketch.GeneralizedNystrom(a.shape, RANK, seed=seed, dtype=declared(a))
    yield from truncations(fed(sk, a), a, (RANGE, 10, RANK, 3))


def certified(a: Array, seed: int) -> Results:
    """Yield one-pass results, estimated by independent probes."""
    sk = sketch.GeneralizedNystrom(a.shape, RANK, seed=seed, dtype=declared(a), error_probes=10)
    yield from truncations(fed(sk, a), a, (RANGE, RANK))


def removed(a: Array, seed: int) -> Results:
    """Yield one-pass results after larger data were added and subtracted again."""
    sk = sketch.GeneralizedNystrom(a.shape, RANK, seed=seed, dtype=declared(a))
    other = (1000 * np.random.default_rng(seed).standard_normal(a.shape)).astype(a.dtype)
    fed(sk, a)
    sk.update(other, at=0)
    sk.update(-other, at=0)
    yield from truncations(sk, a, (RANGE, RANK))


def hmt(a: Array, seed: int) -> Results:
    """Yield results of two passes, estimated by held-out columns."""
    sk = sketch.HMT(a.shape, RANK, sketch_rank=RANGE, seed=seed, dtype=declared(a))
    yield from truncations(fed(sk, a), a, (RANGE, RANK))


def hmt_of_whole(a: Array, seed: int) -> Results:
    """Yield results of two passes over one chunk, whose error is known exactly."""
    sk = sketch.HMT(a.shape, RANK, sketch_rank=RANGE, seed=seed, dtype=declared(a))
    yield from truncations(fed(sk, a, 1), a, (RANGE, RANK))


def components(a: Array, seed: int) -> Results:
    """Yield principal components, whose bounds hold always."""
    sk = sketch.GramNystrom(a.shape[1], RANK, seed=seed, dtype=declared(a))
    for chunk in np.array_split(a, 2):
        sk.update(chunk)
    yield f"rank {RANK} of {4 * RANK + 20}", centred(a), sk.finalize()


def components_left(a: Array, seed: int) -> Results:
    """Yield the components of what is left after larger rows were removed again."""
    sk = sketch.GramNystrom(a.shape[1], RANK, seed=seed, dtype=declared(a))
    other = (1000 * np.random.default_rng(seed).standard_normal(a.shape)).astype(a.dtype)
    sk.update(other)
    sk.update(a)
    sk.remove(other)
    yield f"rank {RANK} of {4 * RANK + 20}", centred(a), sk.finalize()


def centred(a: Array) -> Array:
    """Return rows less their mean, in double precision."""
    wide = a.astype("complex128" if np.iscomplexobj(a) else "float64")
    return np.asarray(wide - wide.mean(axis=0))


def stta(a: Array, seed: int) -> Results:
    """Yield tensor trains of one pass, estimated by probes."""
    sk = sketch.STTA(a.shape, 3, sketch_rank=4, seed=seed, dtype=declared(a))
    sk.update(a)
    for rank in (4, 2):
        yield f"rank {rank} of 4", a, sk.finalize(rank)


METHODS: dict[str, Callable[[Array, int], Results]] = {
    "one-pass": nystrom,
    "one-pass, probes": certified,
    "one-pass, after removal": removed,
    "HMT": hmt,
    "HMT of one chunk": hmt_of_whole,
    "components": components,
    "components, after removal": components_left,
    "STTA": stta,
}
TENSOR_SPECTRA = ("steep", "1/i", "flat", "clusters", "exact rank")
CASES = [
    (method, spectrum, dtype)
    for method in METHODS
    for spectrum in (TENSOR_SPECTRA if method == "STTA" else MATRICES)
    for dtype in DTYPES
]


@dataclass(frozen=True)
class Trial:
    """One result: its true error, its estimate, and the ends of its intervals by level."""

    what: str
    error: float
    estimate: float
    floor: float
    intervals: tuple[tuple[float, float], ...]

    def holds(self, level: int) -> bool:
        """Whether the interval of a level holds the true error."""
        low, high = self.intervals[level]
        return low <= self.error <= high


def trials(method: str, spectrum: str, dtype: str, seeds: range) -> list[Trial]:
    """Return the results of all seeds."""
    data = tensor(spectrum, dtype) if method == "STTA" else MATRICES[spectrum](dtype)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sketch.SketchWarning)  # all of them true
        for seed in seeds:
            for what, a, result in METHODS[method](data, seed):
                error, estimate = true_error(a, result), result.error
                ends = tuple(tuple(map(float, estimate.interval(c))) for c in LEVELS)
                found.append(Trial(what, error, estimate.value, estimate.floor, ends))
    return found


def true_error(a: Array, result: Any) -> float:
    """Return the Frobenius norm of data less result, in double precision."""
    wide = a.astype("complex128" if np.iscomplexobj(a) else "float64")
    if isinstance(result, sketch.PrincipalComponents):
        v = result.components.astype(wide.dtype)
        return float(np.linalg.norm(wide - (wide @ v.conj().T) @ v))
    if isinstance(result, sketch.LowRank):
        u, s, vh = (x.astype(wide.dtype) for x in result)
        return float(np.linalg.norm(wide - (u * s) @ vh))
    cores = [core.astype(wide.dtype) for core in result.cores]
    return float(np.linalg.norm(wide - sketch.TensorTrain(cores).to_array()))


def row(case: tuple[str, str, str], what: str, found: list[Trial]) -> list[object]:
    """Return a line of the table."""
    errors = np.array([trial.error for trial in found])
    estimates = np.array([trial.estimate for trial in found])
    held = [float(np.mean([trial.holds(k) for trial in found])) for k in range(len(LEVELS))]
    ends = np.array([trial.intervals[1] for trial in found])
    ratio = np.median(ends / np.maximum(errors, 1e-300)[:, None], axis=0)
    bias = float(np.mean(estimates**2) / max(np.mean(errors**2), 1e-300))
    hidden = np.median([trial.error <= trial.floor for trial in found]) > 0
    widths = ["below the floor", ""] if hidden else [*map(float, ratio)]
    return [*case, what, *held, *widths, "" if hidden else bias]


def lines(job: tuple[tuple[str, str, str], int]) -> list[list[object]]:
    """Return the lines of a case, one for each rank."""
    case, seeds = job
    found = trials(*case, range(seeds))
    kinds = list(dict.fromkeys(trial.what for trial in found))
    return [row(case, what, [t for t in found if t.what == what]) for what in kinds]


HEAD = [
    *("method", "spectrum", "dtype", "result"),
    *(f"within {100 * level:g} %" for level in LEVELS),
    *("95 %: low / truth", "high / truth", "bias"),
]
FIRST = HEAD.index(f"within {100 * LEVELS[0]:g} %")


def summary(rows: list[list[Any]]) -> list[list[object]]:
    """Return a line for each method: its cells, and the mean and the least of their shares."""
    found = []
    for method in dict.fromkeys(row[0] for row in rows):
        cells = [row[FIRST : FIRST + len(LEVELS)] for row in rows if row[0] == method]
        shares = [f"{np.mean(share):.3f}, {min(share):.3f}" for share in zip(*cells, strict=True)]
        found.append([method, len(cells), *shares])
    return found


def main(arguments: list[str]) -> None:
    """Print each line as it is found, then the table of all methods."""
    parser = argparse.ArgumentParser(prog="calibration", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--method", choices=METHODS, action="append")
    chosen = parser.parse_args(arguments)
    cases = [case for case in CASES if not chosen.method or case[0] in chosen.method]
    rows: list[list[object]] = []
    print(table(HEAD, []))
    with multiprocessing.get_context("spawn").Pool(chosen.processes) as pool:
        for part in pool.imap(lines, [(c, chosen.seeds) for c in cases]):
            rows += part
            print("\n".join(table(HEAD, part).splitlines()[2:]), flush=True)
    print(f"\n{chosen.seeds} seeds; matrices {M} x {N}, tensors {TENSOR}.\n")
    names = [f"{name}: mean, least" for name in HEAD[FIRST : FIRST + len(LEVELS)]]
    print(table(["method", "cells", *names], summary(rows)))
