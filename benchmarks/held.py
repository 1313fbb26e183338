"""How often 95 % intervals hold the truth, and how wide they are: forty cases, and trains.

Run ``python3 dev bench held [--seeds 300] [PART...]``, which writes docs/numbers/coverage.md;
parts are ``matrices``, ``trains`` and ``tolerances``. What is not measured anew stays as it was.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tabled import table

import sketch
from sketch.testing import exponential, low_rank_plus_noise, polynomial, with_spectrum

NUMBERS = Path(__file__).parent.parent / "docs" / "numbers"
KEPT, PAGE = NUMBERS / "coverage.json", NUMBERS / "coverage.md"
M, N, RANK, CUT = 120, 100, 8, 6
ORDERS = {3: 200, 5: 200, 10: 100, 20: 40, 50: 12}  # seeds at most: long trains take their time
Array = NDArray[Any]
Part = dict[str, Any]

SPECTRA = {
    "0.8^i": exponential(N, 0.8),
    "1/i": polynomial(N),
    "i^-1/2": polynomial(N, 0.5),
    "10 and noise": low_rank_plus_noise(N, 10, 0.05),
    "clusters of 4": 0.5 ** (np.arange(N) // 4),
}


def dense(values: Array) -> Array:
    """Return a matrix with random singular vectors."""
    return np.asarray(with_spectrum((M, N), values))


def coherent(values: Array) -> Array:
    """Return a matrix whose singular vectors are unit vectors: rows and columns that stand out."""
    return np.asarray(with_spectrum((M, N), values, coherent=True))


def semidefinite(a: Array) -> Array:
    """Return a semidefinite matrix of the same right singular vectors and values."""
    _, s, vh = np.linalg.svd(a, full_matrices=False)
    square = (vh.T * s) @ vh
    return np.asarray((square + square.T) / 2)


def stream(a: Array, seed: int) -> Any:
    """Return a sketch of rows that come once, whose norm is not known."""
    sk = sketch.HMT((None, N), RANK, seed=seed)
    for rows in np.array_split(a, 3):
        sk.update(rows)
    return sk


def one_pass(a: Array, seed: int) -> Any:
    """Return a generalized Nyström sketch."""
    sk = sketch.GeneralizedNystrom(a.shape, RANK, seed=seed)
    sk.update(a)
    return sk


def symmetric(a: Array, seed: int) -> Any:
    """Return a Nyström sketch."""
    sk = sketch.Nystrom(a.shape, RANK, seed=seed)
    sk.update(a)
    return sk


class Default:
    """What `svd` returns for arrays in memory."""

    def __init__(self, a: Array, seed: int) -> None:
        self.result = sketch.svd(a, RANK, seed=seed)

    def finalize(self, rank: int) -> Any:
        """Return the result of a rank."""
        return self.result.truncate(rank)


METHODS: dict[str, Callable[[Array, int], Any]] = {
    "svd": Default,
    "HMT of a stream": stream,
    "Nyström, one pass": one_pass,
    "Nyström, semidefinite": symmetric,
}


def coverage(errors: list[float], ends: list[tuple[float, float]]) -> Part:
    """Return how often intervals hold, and the quotient of their ends in the median."""
    held = [a * (1 - 1e-9) <= e <= b * (1 + 1e-9) for e, (a, b) in zip(errors, ends, strict=True)]
    widths = [b / a if a else float("inf") for a, b in ends]
    return {"held": float(np.mean(held)), "width": float(np.median(widths))}


def matrices(seeds: int) -> Part:
    """Return coverage and width by case and method: the worse of two truncations."""
    found: Part = {}
    for name, values in SPECTRA.items():
        for structure in (dense, coherent):
            a = structure(values)
            square = semidefinite(a)
            row = {}
            for method, sketched in METHODS.items():
                data = square if method.endswith("semidefinite") else a
                row[method] = cell(data, sketched, seeds)
            found[f"{name}, {structure.__name__}"] = row
            print(name, structure.__name__, row, flush=True)
    return found


def cell(a: Array, sketched: Callable[[Array, int], Any], seeds: int) -> Part:
    """Return coverage and width of one method, at the rank asked for and cut inside of it."""
    errors: dict[int, list[float]] = {RANK: [], CUT: []}
    ends: dict[int, list[tuple[float, float]]] = {RANK: [], CUT: []}
    values = {RANK: 0, CUT: 0}
    exact = np.linalg.svd(a, compute_uv=False)
    for seed in range(seeds):
        sk = sketched(a, seed)
        for rank in errors:
            result = sk.finalize(rank)
            errors[rank].append(float(np.linalg.norm(a - result.to_array())))
            ends[rank].append(result.error.interval())
            low, high = result.singular_value_interval()
            slight = 1e-9 * exact[0]
            values[rank] += bool(
                np.all((low - slight <= exact[:rank]) & (exact[:rank] <= high + slight))
            )
    cells = [coverage(errors[rank], ends[rank]) for rank in errors]
    return {
        "held": min(c["held"] for c in cells),
        "width": max(c["width"] for c in cells),
        "values": min(values.values()) / seeds,
    }


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
TEXT = """Matrices of {m} by {n}, sketches of rank {rank}, {seeds} seeds a case. In each case the
worse of two results, of rank {rank} and of rank {cut}, which cuts through clusters. *Held* is the
share of errors within their 95 % interval, in brackets the share of seeds in which all singular
values are within theirs; *width* the upper end over the lower one, in the median. *Coherent* is a
matrix whose singular vectors are unit vectors.

{matrices}

Held in the mean over all cases {mean:.3f}, at worst {worst:.3f}; width in the median over the cases
{median:.2f}, at most {widest:.2f}.

Trains of one pass, of trains of rank 12 whose directions fall by a half each, by the order:

{trains}

`tensor_train(a, tol=...)`: how often the tolerance is met, and the size over that of TT-SVD at the
same tolerance:

{tolerances}
"""


def write(kept: Part) -> None:
    """Write the page from what is kept."""
    cells = [c for row in kept["matrices"].values() for c in row.values()]
    rows = [
        [case, *(f"{c['held']:.2f} ({c['values']:.2f}), {c['width']:.2f}" for c in row.values())]
        for case, row in kept["matrices"].items()
    ]
    by_order = [[order, c["held"], c["width"], c["seeds"]] for order, c in kept["trains"].items()]
    by_tolerance = [
        [case, c["met"], c["size"], c["largest"]] for case, c in kept["tolerances"].items()
    ]
    text = TEXT.format(
        m=M,
        n=N,
        rank=RANK,
        cut=CUT,
        seeds=kept["seeds"],
        matrices=table(["held (values), width", *METHODS], rows),
        mean=np.mean([c["held"] for c in cells]),
        worst=min(c["held"] for c in cells),
        median=np.median([c["width"] for c in cells]),
        widest=max(c["width"] for c in cells),
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
