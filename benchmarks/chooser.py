"""Measure what the pages of the documentation show, and keep it in docs/numbers/.

Run ``python3 dev bench chooser`` for all (some minutes), or ``chooser errors`` for one of

- errors: every method on five spectra: error over the best one, estimate over error;
- costs: readings, bytes held and seconds of CPU;
- trains: the methods for tensors, on five tensors;
- intervals: how wide intervals are and how often they hold the truth.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensor_data
from numpy.typing import NDArray

import sketch
from sketch.testing import exponential, flat, low_rank_plus_noise, polynomial, with_spectrum

NUMBERS = Path(__file__).parent.parent / "docs" / "numbers"
RANK = 20
Array = NDArray[Any]

SPECTRA: dict[str, Callable[[int], Array]] = {
    "0.8^i": lambda n: exponential(n, 0.8),
    "1/i": polynomial,
    "i^-1/2": lambda n: polynomial(n, 0.5),
    "20 and noise": lambda n: low_rank_plus_noise(n, RANK, 0.02),
    "flat": flat,
}


def wide(power: float, rank: int) -> dict[str, Any]:
    return {"power_iters": power, "start_rank": 4 * rank + 20}


METHODS: dict[str, dict[str, Any]] = {
    "Nyström": {"method": "nystrom"},
    "HMT": {},
    "HMT, half a step": {"power_iters": 0.5},
    "HMT, wide start": {},  # of the rank: see `options_of`
    "HMT, one step": {"power_iters": 1},
    "HMT, two steps": {"power_iters": 2},
    "krylov, 2 readings": {"method": "krylov", "passes": 2},
    "krylov, 3 readings": {"method": "krylov", "passes": 3},
    "krylov, 4 readings": {"method": "krylov", "passes": 4},
    "pca, 1 reading": {"passes": 1},
    "pca": {},
}


def options_of(name: str, rank: int) -> dict[str, Any]:
    return wide(0.5, rank) if name == "HMT, wide start" else METHODS[name]


def called(name: str, a: Any, seed: int = 0, rank: int = RANK) -> Any:
    """Call a method; pca without centring, so that all approximate the same."""
    options = options_of(name, rank)
    if name.startswith("pca"):
        return sketch.pca(a, rank, center=False, seed=seed, **options)
    return sketch.svd(a, rank, seed=seed, **options)


def dense(found: Any) -> Array:
    if isinstance(found, sketch.PrincipalComponents):
        raise TypeError("components stand for rows only together with them")
    return np.asarray(found.to_array())


def true_error(a: Array, found: Any) -> float:
    if isinstance(found, sketch.PrincipalComponents):
        c = np.asarray(found.components)
        return float(np.linalg.norm(a - (a @ c.T) @ c))
    return float(np.linalg.norm(a - dense(found)))


def quartiles(values: list[float]) -> list[float]:
    return [float(x) for x in np.quantile(values, (0.1, 0.5, 0.9))]


def errors(seeds: int = 20) -> dict[str, Any]:
    """Error over that of the best matrix of rank 20, 800 x 600."""
    table: dict[str, Any] = {}
    for spectrum, values in SPECTRA.items():
        s = values(600)
        a, best = with_spectrum((800, 600), s), float(np.linalg.norm(s[RANK:]))
        for name in METHODS:
            found = [called(name, a, seed) for seed in range(seeds)]
            true = [true_error(a, one) for one in found]
            estimated = [one.error.value / t for one, t in zip(found, true, strict=True)]
            case = {
                "error": quartiles([t / best for t in true]),
                "estimate": quartiles(estimated),
                "relative": statistics.median(true) / float(np.linalg.norm(s)),
                "readings": sorted({one.n_passes for one in found}),
            }
            table.setdefault(name, {})[spectrum] = case
            print(f"{name:20} {spectrum:14} {case['error'][1]:.4g}", flush=True)
    return table


def held(name: str, a: Array) -> int:
    """Bytes of the sums while data come in, the most of all readings."""
    options = dict(options_of(name, RANK))
    if name.startswith("pca"):
        gram = sketch.GramNystrom(
            a.shape[1], RANK, center=False, sketch_rank=4 * RANK + (20 if name == "pca" else 140)
        )
        gram.update(a)
        if name != "pca":
            return gram.nbytes
        sk: Any = sketch.HMT(a.shape, RANK, power_iters=2.5, sketch_rank=gram.spec.range_size)
        basis = np.asarray(gram.whole().components).T
        sk.begin_at(basis, a.shape[0], norm=None, rounding=0.0)
        return gram.nbytes + most_held(sk, a)
    method = options.pop("method", "hmt")
    if method == "krylov":
        return most_held(sketch.sketches.BlockKrylov(a.shape, RANK, **options), a)
    made = sketch.GeneralizedNystrom if method == "nystrom" else sketch.HMT
    return most_held(made(a.shape, RANK, **options), a)


def most_held(sk: Any, a: Array) -> int:
    most = 0
    while True:
        sk.update(a)
        kept = sum(np.asarray(x).nbytes for x in sk.accumulator.state.passes.kept.values())
        most = max(most, sk.nbytes + kept)
        if not hasattr(sk, "end_pass"):
            return most
        sk.end_pass()
        kept = sum(np.asarray(x).nbytes for x in sk.accumulator.state.passes.kept.values())
        most = max(most, kept)
        if not sk.passes_left:
            return most


def costs(rounds: int = 3) -> dict[str, Any]:
    """Readings and bytes held for rank 20 on 20,000 x 5,000; seconds of CPU for rank 50, in turn.

    Meant for one thread (OMP_NUM_THREADS=1): others on the machine hardly change them then.
    """
    rng = np.random.default_rng(0)
    big = rng.standard_normal((20_000, 5_000)) / np.arange(1, 5_001)
    table: dict[str, Any] = {}
    for _ in range(rounds):
        for name in METHODS:
            start = time.process_time()
            found = called(name, big, rank=50)
            spent = time.process_time() - start
            case = table.setdefault(name, {"readings": found.n_passes, "seconds": spent})
            case["seconds"] = min(case["seconds"], spent)
    for name, case in table.items():
        case["held"] = held(name, big)
        print(name, case, flush=True)
    return {"methods": table}


def sparse_tensor() -> Any:
    rng = np.random.default_rng(1)
    where = tuple(rng.integers(0, n, 60_000) for n in (60, 50, 40, 30))
    return sp.coo_array((rng.standard_normal(60_000), where), shape=(60, 50, 40, 30))


TENSORS: dict[str, Callable[[], Any]] = {
    "Hilbert 5^7": tensor_data.hilbert,
    "square root 10^5": tensor_data.square_root,
    "CP 10^5, falling weights": lambda: tensor_data.cp_decaying().to_array(),
    "train and noise 20^4": lambda: _noisy_train(),
    "sparse 60x50x40x30": lambda: sparse_tensor().toarray(),
}
TRAINS = ("stta", "tt-hmt", "otts", "tt-svd")


def _noisy_train() -> Array:
    rng = np.random.default_rng(2)
    t = np.asarray(tensor_data.random_train(rng, (20,) * 4, 8).to_array())
    t /= np.linalg.norm(t)
    return t + 0.01 * rng.standard_normal(t.shape) / np.sqrt(t.size)


def trains(seeds: int = 10) -> dict[str, Any]:
    """Error over that of TT-SVD at rank 8, and seconds."""
    table: dict[str, Any] = {}
    for name, made in TENSORS.items():
        t = made()
        best = sketch.tt_svd(t, 8).error.value
        for method in TRAINS:
            found, start = [], time.perf_counter()
            draws = 1 if method == "tt-svd" else seeds
            for seed in range(draws):
                found.append(sketch.tensor_train(t, 8, method=method, seed=seed))
            spent = (time.perf_counter() - start) / draws
            true = [float(np.linalg.norm(t - np.asarray(one.to_array()))) for one in found]
            case = {
                "error": quartiles([x / best for x in true]),
                "relative": statistics.median(true) / float(np.linalg.norm(t)),
                "seconds": spent,
            }
            table.setdefault(method, {})[name] = case
            print(method, name, case, flush=True)
    return table


def intervals(seeds: int = 400) -> dict[str, Any]:
    """Truth and both ends of intervals over the estimate, 60 x 48, rank 5."""
    levels = [0.5, 0.8, 0.9, 0.95, 0.99]
    cases: dict[str, Callable[[Array, int], Any]] = {
        "HMT": lambda a, seed: sketch.svd(a, 5, seed=seed),
        "HMT, error_probes=10": lambda a, seed: _fed(
            sketch.HMT(a.shape, 5, seed=seed, error_probes=10), a
        ),
        "Nyström": lambda a, seed: sketch.svd(a, 5, method="nystrom", seed=seed),
        "Nyström, error_probes=10": lambda a, seed: _fed(
            sketch.GeneralizedNystrom(a.shape, 5, seed=seed, error_probes=10), a
        ),
        "pca, 1 reading": lambda a, seed: sketch.pca(
            a, 5, center=False, seed=seed, sketch_rank=15, passes=1
        ),
        "STTA": lambda a, seed: sketch.tensor_train(a, 5, seed=seed),
    }
    table: dict[str, Any] = {}
    for name, method in cases.items():
        for spectrum, values in SPECTRA.items():
            a = with_spectrum((60, 48), values(48))
            a = a.reshape(6, 10, 48) if name == "STTA" else a
            ratios, ends, kinds = [], [], set()
            inside = np.zeros(len(levels))
            for seed in range(seeds):
                found = method(a, seed)
                truth = true_error(a, found)
                ratios.append(truth / found.error.value)
                kinds.add(found.error.kind)
                for i, level in enumerate(levels):
                    low, high = found.error.interval(level)
                    inside[i] += low <= truth <= high
                    if level == 0.95:
                        ends.append((low / found.error.value, high / found.error.value))
            low, high = np.median(ends, axis=0)
            table.setdefault(name, {})[spectrum] = {
                "truth": [float(x) for x in np.quantile(ratios, (0.025, 0.25, 0.5, 0.75, 0.975))],
                "interval": [float(low), float(high)],
                "held": [float(x) for x in inside / seeds],
                "kind": sorted(kinds),
            }
            print(name, spectrum, table[name][spectrum], flush=True)
    return {"levels": levels, "seeds": seeds, "cases": table}


def _fed(sk: Any, a: Array) -> Any:
    for number in range(getattr(sk, "n_passes", 1)):
        sk.update(a)
        if number + 1 < getattr(sk, "n_passes", 1):
            sk.end_pass()
    return sk.finalize()


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "errors": errors,
    "costs": costs,
    "trains": trains,
    "intervals": intervals,
}


def main(arguments: list[str]) -> None:
    """Measure the parts that are named, or all, and keep them."""
    where = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    where += f"; numpy {np.__version__}, sketch {sketch.__version__}"
    for name in arguments or list(PARTS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sketch.AccuracyWarning)
            numbers = {"where": where, **PARTS[name]()}
        NUMBERS.mkdir(exist_ok=True)
        (NUMBERS / f"{name}.json").write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
