"""How often 95 % intervals hold the truth, and how wide they are: forty cases, and trains.

Run ``python3 dev bench held [--seeds 300] [PART...]``, which writes docs/numbers/coverage.md;
parts are ``matrices``, ``trains`` and ``tolerances``. What is not measured anew stays as it was.
"""

from __future__ import annotations

import argparse
import itertools
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from tabled import table

import sketch
from sketch.testing import (
    exponential,
    flat,
    low_rank_plus_noise,
    one_residual_direction,
    polynomial,
    with_spectrum,
)

NUMBERS = Path(__file__).parent.parent / "docs" / "numbers"
KEPT, PAGE = NUMBERS / "coverage.json", NUMBERS / "coverage.md"
M, N, RANK, CUT = 120, 100, 8, 6
ORDERS = {3: 200, 5: 200, 10: 100, 20: 40, 50: 12}  # seeds at most: long trains take their time
Array = NDArray[Any]
Part = dict[str, Any]

SPECTRA = {
    "0.6^i": exponential(N, 0.6),
    "0.8^i": exponential(N, 0.8),
    "1/i^2": polynomial(N, 2),
    "1/i": polynomial(N),
    "i^-1/2": polynomial(N, 0.5),
    "flat": flat(N),
    "10 and noise": low_rank_plus_noise(N, 10, 0.05),
    "clusters of 4": 0.5 ** (np.arange(N) // 4),
    "a spike and a tail": np.r_[exponential(26, 0.9), 0.05, np.full(N - 27, 0.005)],
    "one direction left": one_residual_direction(26),
}


def dense(values: Array) -> Array:
    """Return a matrix with random singular vectors."""
    return np.asarray(with_spectrum((M, N), values))


def coherent(values: Array) -> Array:
    """Return a matrix whose singular vectors are unit vectors: rows and columns that stand out."""
    return np.asarray(with_spectrum((M, N), values, coherent=True))


def rows_apart(values: Array) -> Array:
    """Return a matrix whose left singular vectors are unit vectors, and the right ones random."""
    turned = np.linalg.qr(np.random.default_rng(1).standard_normal((N, N)))[0]
    return np.asarray(coherent(values) @ turned)


def far(values: Array) -> Array:
    """Return a matrix whose entries are all about the same number."""
    return np.asarray(dense(values) + 0.1 * values[0])


STRUCTURES = {"dense": dense, "coherent": coherent, "rows apart": rows_apart, "far from 0": far}


def semidefinite(a: Array) -> Array:
    """Return a semidefinite matrix of the same right singular vectors and values."""
    _, s, vh = np.linalg.svd(a, full_matrices=False)
    square = (vh.T * s) @ vh
    return np.asarray((square + square.T) / 2)


def centred(a: Array) -> Array:
    """Return rows about their mean."""
    return np.asarray(a - a.mean(axis=0))


def same(a: Array) -> Array:
    """Return the matrix itself."""
    return a


def by_rows(sk: Any, a: Array) -> Any:
    """Return a sketch of rows that come once, in three chunks."""
    for rows in np.array_split(a, 3):
        sk.update(rows)
    return sk


def at_once(sk: Any, a: Array) -> Any:
    """Return a sketch of all data."""
    sk.update(a)
    return sk


def by_blocks(sk: Any, a: Array) -> Any:
    """Return a sketch after its passes over blocks that are cut both ways."""
    for _ in range(sk.n_passes):
        for start in (0, N // 2):
            sk.update(a[:, start : start + N // 2], at=(0, start))
        sk.end_pass()
    return sk


class Whole:
    """What a function returns for arrays in memory."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def finalize(self, rank: int) -> Any:
        """Return the result of a rank."""
        return self.result.truncate(rank)


@dataclass(frozen=True)
class Measured:
    """A method: what is sketched of a matrix, and what makes the results."""

    sketched: Callable[[Array, int], Any]
    data: Callable[[Array], Array] = same  # of which the result is an approximation
    given: Callable[[Array], Array] = same


METHODS: dict[str, Measured] = {
    "svd": Measured(lambda a, seed: Whole(sketch.svd(a, RANK, seed=seed))),
    "Krylov": Measured(
        lambda a, seed: Whole(sketch.svd(a, RANK, method="krylov", passes=2, seed=seed))
    ),
    "HMT of a stream": Measured(lambda a, seed: by_rows(sketch.HMT((None, N), RANK, seed=seed), a)),
    "HMT of blocks": Measured(lambda a, seed: by_blocks(sketch.HMT((M, N), RANK, seed=seed), a)),
    "Nyström": Measured(
        lambda a, seed: by_rows(sketch.GeneralizedNystrom((None, N), RANK, seed=seed), a)
    ),
    "Nyström, 10 probes": Measured(
        lambda a, seed: by_rows(
            sketch.GeneralizedNystrom((None, N), RANK, seed=seed, error_probes=10), a
        )
    ),
    "semidefinite": Measured(
        lambda a, seed: at_once(sketch.Nystrom((N, N), RANK, seed=seed), a),
        semidefinite,
        semidefinite,
    ),
    "Cholesky": Measured(
        lambda a, seed: Whole(sketch.pivoted_cholesky(a, rank=RANK, seed=seed)),
        semidefinite,
        semidefinite,
    ),
    "components": Measured(
        lambda a, seed: by_rows(sketch.GramNystrom(N, RANK, seed=seed), a), centred
    ),
}


def coverage(errors: list[float], ends: list[tuple[float, float]]) -> Part:
    """Return how often intervals hold, and the quotient of their ends in the median."""
    held = [a * (1 - 1e-9) <= e <= b * (1 + 1e-9) for e, (a, b) in zip(errors, ends, strict=True)]
    widths = [b / a if a else float("inf") for a, b in ends]
    return {"held": float(np.mean(held)), "width": float(np.median(widths))}


def matrices(seeds: int) -> Part:
    """Return coverage and width by case and method: the worse of two truncations."""
    cases = itertools.product(SPECTRA, STRUCTURES)
    return {f"{spectrum}, {kind}": case(spectrum, kind, seeds) for spectrum, kind in cases}


def case(spectrum: str, structure: str, seeds: int) -> Part:
    """Return coverage and width of all methods, of a spectrum and a structure."""
    a = STRUCTURES[structure](SPECTRA[spectrum])
    row = {name: cell(method, a, seeds) for name, method in METHODS.items()}
    print(spectrum, structure, row, flush=True)
    return row


def cell(method: Measured, a: Array, seeds: int) -> Part:
    """Return coverage and width of one method, at the rank asked for and cut inside of it."""
    given, data = method.given(a), method.data(a)
    exact = np.linalg.svd(data, compute_uv=False)
    found: dict[int, list[tuple[float, tuple[float, float], bool]]] = {RANK: [], CUT: []}
    for seed in range(seeds):
        sk = method.sketched(given, seed)
        for rank in found:
            result = sk.finalize(rank)
            inside = holds_values(result, exact[:rank])
            found[rank].append((true_error(data, result), result.error.interval(), inside))
    parts = []
    for trials in found.values():
        errors, ends, inside = map(list, zip(*trials, strict=True))
        parts.append(coverage(errors, ends) | {"values": float(np.mean(inside))})
    worst = {"held": min, "width": max, "values": min}
    return {key: least(part[key] for part in parts) for key, least in worst.items()}


def true_error(data: Array, result: Any) -> float:
    """Return the norm of what a result misses of the data."""
    if isinstance(result, sketch.PrincipalComponents):
        v = result.components
        return float(np.linalg.norm(data - (data @ v.T) @ v))
    return float(np.linalg.norm(data - result.to_array()))


def holds_values(result: Any, exact: Array) -> bool:
    """Whether all singular values are within their intervals at once."""
    if isinstance(result, sketch.PrincipalComponents):
        low, high = np.sqrt(np.multiply(result.explained_variance_interval(), M - 1))
    else:
        low, high = result.singular_value_interval()
    slight = 1e-7 * exact[0]  # what squares hide of values
    return bool(np.all((low - slight <= exact) & (exact <= high + slight)))


def trains(seeds: int) -> Part:
    """Return coverage and width of one-pass trains by order."""
    found: Part = {}
    for order, most in ORDERS.items():
        errors, ends = [], []
        for seed in range(min(seeds, most)):
            data = decaying_train(order, seed)
            sk = sketch.STTA(data.shape, 4, seed=seed)
            sk.update(data)
            result = sk.finalize()
            errors.append((result - data).norm())
            ends.append(result.error.interval())
        found[str(order)] = coverage(errors, ends) | {"seeds": len(errors)}
        print(order, found[str(order)], flush=True)
    return found


def decaying_train(order: int, seed: int) -> Any:
    """Return a train of rank 12 whose directions fall by a half each."""
    rng = np.random.default_rng(seed)
    scale = 0.5 ** np.arange(12)
    cores = [rng.standard_normal((12, 6, 12)) * scale for _ in range(order)]
    cores[0], cores[-1] = cores[0][:1], cores[-1][:, :, :1]
    train = sketch.TensorTrain(cores)
    return train * (1 / train.norm())


def tolerances(seeds: int) -> Part:
    """Return how often trains meet a tolerance, and their size over that of TT-SVD's."""
    found: Part = {}
    for name, (a, tol) in tensors().items():
        reference = sum(core.size for core in sketch.tt_svd(a, tol=tol).cores)
        for method in ("stta", "tt-hmt"):
            met, sizes = [], []
            for seed in range(min(seeds, 40)):
                train = sketch.tensor_train(a, tol=tol, method=method, seed=seed)
                met.append(np.linalg.norm(a - train.to_array()) <= tol * np.linalg.norm(a))
                sizes.append(sum(core.size for core in train.cores) / reference)
            found[f"{name}, tol {tol:g}, {method}"] = {
                "met": float(np.mean(met)),
                "size": float(np.median(sizes)),
                "largest": float(max(sizes)),
            }
            print(name, tol, method, found[f"{name}, tol {tol:g}, {method}"], flush=True)
    return found


def tensors() -> dict[str, tuple[Array, float]]:
    """Return dense tensors with a tolerance each."""
    i, j, k = np.ogrid[:40, :40, :40]
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((50, 50)) for _ in range(3)]
    slow = np.einsum("r,ir,jr,kr->ijk", 1.0 / np.arange(1, 51), *factors)
    rank = np.einsum("ir,jr,kr->ijk", *(f[:40, :10] for f in factors))
    return {
        "1 / (1 + i + j + k)": (1.0 / (1 + i + j + k), 1e-6),
        "sqrt(1 + i + j + k)": (np.sqrt(1.0 + i + j + k), 1e-4),
        "slow": (slow, 0.3),
        "slow, close": (slow, 0.1),
        "rank 10 and noise": (rank + 0.3 * rng.standard_normal((40,) * 3), 0.2),
    }


PARTS = {"matrices": matrices, "trains": trains, "tolerances": tolerances}
TEXT = """Matrices of {m} by {n}, sketches of rank {rank}, {seeds} seeds a case; {cases} cases of
singular values and structure. In each case the worse of two results, of ranks {rank} and {cut}; one
cuts through clusters. *Held* is the share of errors within their 95 % interval; *values* the share
of seeds in which all singular values are within theirs; *width* the upper end over the lower one,
in the median over the seeds. *Coherent* matrices have unit vectors for singular vectors, of *rows
apart* the left ones are; *far from 0* are entries about a number. Were intervals to hold with .95
in each of {cells} cells, one of them would show {chance:.3f} or less by chance, with {seeds} seeds.
*Cholesky* evaluates some columns alone, so that its bounds are certain but wide, or open below
where its result is cut afterwards.

{summary}

By case, held and width:

{matrices}

Trains of one pass, of trains of rank 12 whose directions fall by a half each, by the order:

{trains}

`tensor_train(a, tol=...)`: how often the tolerance is met, and the size over that of TT-SVD at the
same tolerance:

{tolerances}
"""


def summary(found: Part) -> list[list[object]]:
    """Return a line for each method: shares in the mean and at worst, widths likewise."""
    lines = []
    for method in METHODS:
        cells = [row[method] for row in found.values() if method in row]
        held, values, widths = ([c[k] for c in cells] for k in ("held", "values", "width"))
        shares = [f"{np.mean(x):.3f}, {min(x):.3f}" for x in (held, values)]
        lines.append([method, *shares, f"{np.median(widths):.2f}, {max(widths):.2f}"])
    return lines


def write(kept: Part) -> None:
    """Write the page from what is kept."""
    found, seeds = kept["matrices"], kept["seeds"]
    rows = [
        [name, *(f"{c['held']:.2f}, {c['width']:.2f}" for c in row.values())]
        for name, row in found.items()
    ]
    by_order = [[order, c["held"], c["width"], c["seeds"]] for order, c in kept["trains"].items()]
    by_tolerance = [
        [case, c["met"], c["size"], c["largest"]] for case, c in kept["tolerances"].items()
    ]
    cells = len(found) * len(METHODS)
    text = TEXT.format(
        m=M,
        n=N,
        rank=RANK,
        cut=CUT,
        seeds=seeds,
        cases=len(found),
        cells=cells,
        chance=binom.ppf(1 / cells, seeds, 0.95) / seeds,
        summary=table(
            ["method", "held: mean, least", "values: mean, least", "width: median, largest"],
            summary(found),
        ),
        matrices=table(["held, width", *METHODS], rows),
        trains=table(["order", "held", "width", "seeds"], by_order),
        tolerances=table(["tensor", "met", "size over TT-SVD's", "largest"], by_tolerance),
    )
    PAGE.write_text(text)


def main(arguments: list[str]) -> None:
    """Measure, keep and write."""
    parser = argparse.ArgumentParser(prog="python3 dev bench held", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--seeds", type=int, default=300)
    chosen = parser.parse_args(arguments)
    kept: Part = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sketch.SketchWarning)
        for part in chosen.parts or PARTS:
            kept[part] = PARTS[part](chosen.seeds)
            if part == "matrices":
                kept["seeds"] = chosen.seeds
            KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    if all(part in kept for part in PARTS):
        write(kept)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
