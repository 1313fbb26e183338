"""Tensors against their bare products and against peers: speed and error side by side.

Run ``python3 dev bench tensors``; peers that are not installed are left out. ``--quick`` takes
smaller data.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensor_data as data
from measure import Case, Standings, installed, machine, seconds, table

import sketch

FLOORS = ("product", "nonzeros")  # cases that approximate nothing
Cores = list[np.ndarray[Any, Any]]
Setting = tuple[dict[str, Case], Callable[[Any], float]]


def cores_of(result: Any) -> Cores:
    """Return the cores of a train of whichever library; those of quimb have no outer bonds."""
    if hasattr(result, "arrays"):
        first, *inner, last = result.arrays
        result = [first[None], *inner, last[:, :, None]]
    cores = getattr(result, "cores", getattr(result, "factors", result))
    return [np.asarray(core) for core in cores]


def dense_error(t: np.ndarray[Any, Any]) -> Callable[[Any], float]:
    """Return a function that computes the relative error, slice by slice."""

    def error(result: Any) -> float:
        first, *rest = cores_of(result)
        tail = functools.reduce(lambda x, core: np.tensordot(x, core, (-1, 0)), rest)
        tail = tail.reshape(tail.shape[0], -1)
        lost = sum(
            float(np.linalg.norm(row @ tail - part.ravel())) ** 2
            for row, part in zip(first[0], t, strict=True)
        )
        return float(np.sqrt(lost)) / float(np.linalg.norm(t))

    return error


def train_error(t: sketch.TensorTrain) -> Callable[[Any], float]:
    """Return a function that computes the relative error by a QR norm of the difference."""
    norm = t.norm()
    return lambda result: (sketch.TensorTrain(cores_of(result)) - t).norm() / norm


def cp_error(t: sketch.CPTensor) -> Callable[[Any], float]:
    """Return a function that computes the relative error from squares: good down to 1e-7."""
    gram = functools.reduce(np.multiply, [f.T @ f for f in t.factors])
    squares = float(t.weights @ gram @ t.weights)

    def error(result: Any) -> float:
        cores = cores_of(result)
        moved = t.weights[:, None]  # (R, r)
        for core, factor in zip(cores, t.factors, strict=True):
            spread = (factor.T @ core.transpose(1, 0, 2).reshape(core.shape[1], -1)).reshape(
                -1, core.shape[0], core.shape[2]
            )
            moved = np.einsum("ja,jab->jb", moved, spread)
        inner = float(moved.sum())
        norm = sketch.TensorTrain(cores).norm()
        return float(np.sqrt(max(0.0, squares - 2 * inner + norm**2) / squares))

    return error


def sparse_error(t: Any) -> Callable[[Any], float]:
    """Return a function that computes the relative error from squares (errors are large here)."""
    squares = float(np.sum(t.data**2))
    places = np.stack(t.coords, axis=1)

    def error(result: Any) -> float:
        train = sketch.TensorTrain(cores_of(result))
        inner = float(np.sum(train.entries(places) * t.data))
        return float(np.sqrt(max(0.0, squares - 2 * inner + train.norm() ** 2) / squares))

    return error


def published(t: Any, rank: int, method: str) -> Case:
    """Return a method as published: left size the rank, right size twice that, nothing rounded."""
    sizes = {} if method == "tt-hmt" else {"corange_rank": 2 * rank}
    return lambda: sketch.tensor_train(
        t, rank, method=method, sketch_rank=rank, error_probes=0, **sizes
    )


def ours(t: Any, rank: int) -> dict[str, Case]:
    """Return our methods at default options, error estimate included."""
    return {
        "sketch STTA": lambda: sketch.tensor_train(t, rank),
        "sketch TT-HMT": lambda: sketch.tensor_train(t, rank, method="tt-hmt"),
        "sketch OTTS": lambda: sketch.tensor_train(t, rank, method="otts"),
        "sketch STTA, published sizes": published(t, rank, "stta"),
        "sketch TT-HMT, published sizes": published(t, rank, "tt-hmt"),
        "sketch OTTS, published sizes": published(t, rank, "otts"),
    }


def tt_sketch(t: Any, rank: int) -> dict[str, Case]:
    """Return the published code on the same tensor."""
    if not installed("tt-sketch"):
        return {}
    from tt_sketch import sketch as theirs
    from tt_sketch import tensor as kinds

    if isinstance(t, np.ndarray):
        x = kinds.DenseTensor(t)
    elif isinstance(t, sketch.TensorTrain):
        x = kinds.TensorTrain(t.cores)
    elif isinstance(t, sketch.CPTensor):
        x = kinds.CPTensor([t.factors[0] * t.weights, *t.factors[1:]])
    else:
        x = kinds.SparseTensor(t.shape, t.coords, t.data)
    return {
        "tt-sketch STTA": lambda: theirs.stream_sketch(x, rank, 2 * rank, seed=1).to_tt(),
        "tt-sketch TT-HMT": lambda: theirs.hmt_sketch(x, rank, seed=1),
        "tt-sketch OTTS": lambda: theirs.orthogonal_sketch(x, rank, 2 * rank, seed=1),
    }


def tt_svd_peers(t: np.ndarray[Any, Any], rank: int) -> dict[str, Case]:
    """Return TT-SVD by ours and by the libraries that have it."""
    ranks = [1, *[rank] * (t.ndim - 1), 1]
    calls: dict[str, Case] = {"sketch TT-SVD": lambda: sketch.tt_svd(t, rank)}
    if installed("tensorly"):
        from tensorly.decomposition import tensor_train

        calls["TensorLy"] = lambda: tensor_train(t, rank=ranks)
        calls["TensorLy, randomized"] = lambda: tensor_train(t, rank=ranks, svd="randomized_svd")
    if installed("torchtt"):
        import torch
        import torchtt

        tensor = torch.from_numpy(t)
        calls["torchTT"] = lambda: torchtt.TT(tensor, eps=1e-16, rmax=rank)
    if installed("teneva"):
        import teneva

        calls["teneva"] = lambda: teneva.svd(t, e=1e-16, r=rank)
    if installed("quimb"):
        from quimb.tensor import MatrixProductState

        calls["quimb"] = lambda: MatrixProductState.from_dense(
            t, dims=list(t.shape), max_bond=rank, cutoff=0.0
        )
    return calls


def rounding_peers(t: sketch.TensorTrain, rank: int) -> dict[str, Case]:
    """Return roundings, deterministic and randomized."""
    calls: dict[str, Case] = {
        "sketch round": lambda: t.round(rank=rank),
        "sketch TT-HMT, estimate included": lambda: sketch.tensor_train(t, rank, method="tt-hmt"),
        "sketch TT-HMT": lambda: sketch.tensor_train(
            t, rank, method="tt-hmt", error_probes=0, sketch_rank=rank + rank // 2
        ),
    }
    if installed("torchtt"):
        import torch
        import torchtt

        x = torchtt.TT([torch.from_numpy(core) for core in t.cores])
        calls["torchTT"] = lambda: x.round(1e-16, rmax=rank)
    if installed("teneva"):
        import teneva

        calls["teneva"] = lambda: teneva.truncate(t.cores, e=1e-16, r=rank)
    return calls


def dense_products(t: np.ndarray[Any, Any], rank: int) -> dict[str, Case]:
    """Return the one product that STTA cannot avoid, at the size of its right test tensor."""
    size = sketch.STTA(t.shape, rank).spec.right_sizes[-1]
    omega = np.random.default_rng(0).standard_normal((t.shape[-1], size))
    flat = t.reshape(-1, t.shape[-1])
    out = np.empty((flat.shape[0], size))  # without the time that fresh memory takes
    return {f"product with {size} columns": lambda: np.matmul(flat, omega, out=out)}


def readings(t: Any, rank: int) -> dict[str, Case]:
    """Return the reading of all nonzeros, once for each column of the sketch."""
    numbers = [np.asarray(index).view(np.float64) for index in t.coords] + [t.data]
    return {
        f"nonzeros read {rank} times": lambda: [
            float(np.add.reduce(x)) for _ in range(rank) for x in numbers
        ]
    }


def hilbert_60(quick: bool) -> Setting:
    """Dense Hilbert-like tensor against TT-SVD."""
    t = data.square_root(24 if quick else 60, 4)
    rank = 20
    return {**ours(t, rank), **dense_products(t, rank), **tt_svd_peers(t, rank)}, dense_error(t)


def dense_100(quick: bool) -> Setting:
    """Dense train with noise against the published code."""
    t = data.dense_of_train(30 if quick else 100, 4, 40, 1e-4)
    return {**ours(t, 20), **dense_products(t, 20), **tt_sketch(t, 20)}, dense_error(t)


def sparse(quick: bool) -> Setting:
    """Sparse tensor of order 4 against the published code."""
    t = data.sparse_blocks(200, 4, 40, 6 if quick else 13)
    return {**ours(t, 10), **readings(t, 10), **tt_sketch(t, 10)}, sparse_error(t)


def shuffled(quick: bool) -> Setting:
    """The same entries in no order, ours alone."""
    t = data.sparse_blocks(200, 4, 40, 6 if quick else 13)
    order = np.random.default_rng(0).permutation(t.data.size)
    coords = tuple(index[order] for index in t.coords)
    t = sp.coo_array((t.data[order], coords), shape=t.shape)
    return {**ours(t, 10), **readings(t, 10)}, sparse_error(t)


def cp(quick: bool) -> Setting:
    """CP tensor of order 6 against the published code."""
    n, terms, rank = (50, 50, 10) if quick else (1000, 500, 50)
    t = data.cp_decaying((n,) * 6, terms, 2.0)
    return {**ours(t, rank), **tt_sketch(t, rank)}, cp_error(t)


def train(quick: bool) -> Setting:
    """Train of order 20 against the published code."""
    n, rank, short = (20, 30, 10) if quick else (100, 150, 30)
    t = data.decaying_train(np.random.default_rng(0), (n,) * 20, rank, -10.0, "multiply")
    return {**ours(t, short), **tt_sketch(t, short)}, train_error(t)


def rounding(quick: bool) -> Setting:
    """Rounding of a train of order 20."""
    n, rank, short = (20, 30, 10) if quick else (100, 150, 30)
    t = data.decaying_train(np.random.default_rng(0), (n,) * 20, rank, -10.0, "multiply")
    return rounding_peers(t, short), train_error(t)


SETTINGS: dict[str, tuple[str, Callable[[bool], Setting], str]] = {
    "tt-svd": ("dense 60^4 (square root), rank 20", hilbert_60, "sketch STTA"),
    "dense": ("dense 100^4 (train and noise), rank 20", dense_100, "sketch STTA"),
    "sparse": ("sparse 200^4, 1.1e6 entries, rank 10", sparse, "sketch STTA"),
    "shuffled": ("sparse 200^4, these entries in no order", shuffled, "sketch STTA"),
    "cp": ("CP 1000^6, 500 terms, rank 50", cp, "sketch STTA"),
    "train": ("train 100^20, rank 150 to 30", train, "sketch STTA"),
    "rounding": ("rounding of a train 100^20, rank 150 to 30", rounding, "sketch round"),
}


def compare(name: str, quick: bool, repeats: int) -> dict[str, Any]:
    """Measure one setting: seconds and error of every case."""
    title, make, reference = SETTINGS[name]
    calls, error = make(quick)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        errors = {
            case: None if case.startswith(FLOORS) else error(call()) for case, call in calls.items()
        }
        times = seconds(calls, repeats)
    return {"title": title, "reference": reference, "seconds": times, "error": errors}


def report(results: Iterable[dict[str, Any]]) -> str:
    """Return the tables as Markdown."""
    text = []
    for result in results:
        base = result["seconds"][result["reference"]]
        rows: list[list[object]] = [
            [case, value, value / base, result["error"][case] or ""]
            for case, value in result["seconds"].items()
        ]
        text.append(f"**{result['title']}**\n")
        text.append(table(["", "seconds", f"over {result['reference']}", "relative error"], rows))
        text.append("")
    return "\n".join(text)


def standings(stored: dict[str, Any]) -> Standings:
    """Return the seconds and the error of every case of every setting."""
    return {
        r["title"]: {name: (s, r["error"][name]) for name, s in r["seconds"].items()}
        for r in stored["by_name"].values()
    }


def page(stored: dict[str, Any]) -> str:
    """Return the results as a page."""
    return report(stored["by_name"].values())


def main(argv: list[str]) -> None:
    """Measure, print, and store what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=SETTINGS, default=list(SETTINGS))
    options = parser.parse_args(argv)
    path = Path(__file__).parent / "results" / "tensors.json"
    stored = json.loads(path.read_text()) if path.exists() else {"by_name": {}}
    for name in options.only:
        result = compare(name, options.quick, options.repeats)
        print(report([result]), flush=True)
        stored["by_name"][name] = result
    stored["machine"] = machine()
    if not options.quick:
        path.write_text(json.dumps(stored, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
