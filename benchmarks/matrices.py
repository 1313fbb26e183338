"""Matrices against the bare products and against peers: speed, error and memory side by side.

Run ``python3 dev bench matrices``; peers that are not installed are left out. ``--quick`` takes
smaller data.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from measure import (
    Case,
    Standings,
    extra_megabytes,
    installed,
    machine,
    peak_megabytes,
    seconds,
    table,
)
from scipy.sparse.linalg import svds

import sketch

RANK = 50
WIDTH = RANK + 10  # what HMT and its peers use
WIDE = 4 * RANK + 20  # a wide start
RANGE, CORANGE = 2 * RANK + 10, 4 * RANK + 20  # what generalized Nyström uses
DENSE = {"full": (20000, 5000), "quick": (4000, 1000)}
SPARSE = {"full": (1_000_000, 100_000, 20_000_000), "quick": (100_000, 10_000, 1_000_000)}
SETTINGS = {  # what of matrices, precision, power steps
    "topics": ("topics", "float64", 0),
    "sparse": ("sparse", "float64", 0),
    **{f"dense-{x}-{q}": ("dense", x, q) for x in ("float64", "float32") for q in (0, 1, 2)},
}
CACHE: dict[tuple[Any, ...], Any] = {}


def dense_matrix(size: str, dtype: str) -> np.ndarray[Any, Any]:
    """Return a matrix with singular values 1/i, by reflections of a diagonal one."""
    m, n = DENSE[size]
    rng = np.random.default_rng(0)
    a = np.zeros((m, n))
    np.fill_diagonal(a, 1 / np.arange(1, n + 1))
    for _ in range(2):
        u, v = rng.standard_normal(m), rng.standard_normal(n)
        a -= np.outer(u, (2 / (u @ u)) * (u @ a))
        a -= np.outer((2 / (v @ v)) * (a @ v), v)
    return a.astype(dtype)


def sparse_matrix(size: str, dtype: str) -> sp.csr_array:
    """Return a matrix with entries at random places that fade with their row and column."""
    m, n, nnz = SPARSE[size]
    rng = np.random.default_rng(0)
    i, j = rng.integers(0, m, nnz), rng.integers(0, n, nnz)
    values = rng.standard_normal(nnz) / np.sqrt((1.0 + i) * (1.0 + j))
    return sp.csr_array((values.astype(dtype), (i, j)), shape=(m, n))


def topics_matrix(size: str, dtype: str) -> sp.csr_array:
    """Return the sum of 400 sparse matrices of rank one, of norms 1/k: rows that share a topic."""
    m, n, nnz = SPARSE[size]
    count, columns = 400, 20
    rows = nnz // (count * columns)
    rng = np.random.default_rng(0)
    i = np.empty((count, rows, columns), np.int32)
    j, values = np.empty_like(i), np.empty(i.shape)
    for k in range(count):
        i[k] = rng.choice(m, rows, replace=False)[:, None]
        j[k] = rng.choice(n, columns, replace=False)
        u, v = rng.standard_normal(rows), rng.standard_normal(columns)
        values[k] = np.outer(u / np.linalg.norm(u), v / np.linalg.norm(v)) / (k + 1)
    return sp.csr_array((values.ravel().astype(dtype), (i.ravel(), j.ravel())), shape=(m, n))


DATA = {"dense": dense_matrix, "sparse": sparse_matrix, "topics": topics_matrix}


def cases(kind: str, size: str, dtype: str, power_iters: int) -> dict[str, Case]:
    """Return the calls to compare, by name, on identical data."""
    a = DATA[kind](size, dtype)
    rng = np.random.default_rng(1)

    def test(rows: int, columns: int) -> np.ndarray[Any, Any]:
        return rng.standard_normal((rows, columns)).astype(dtype)

    m, n = a.shape
    calls: dict[str, Case] = {"sketch HMT": lambda: sketch.svd(a, RANK, power_iters=power_iters)}
    if power_iters == 0:
        calls["sketch Nyström"] = lambda: sketch.svd(a, RANK, method="nystrom")
    if kind == "dense":
        calls["sketch HMT, wide start"] = lambda: wide_start(a, power_iters)
    if kind == "dense" and power_iters:
        calls["sketch Krylov"] = lambda: sketch.svd(
            a, RANK, method="krylov", passes=1 + power_iters
        )
    if kind == "topics":
        calls["sketch Nyström, 4 signs"] = lambda: nystrom_of_four(a)
        calls["sketch HMT, half a step"] = lambda: sketch.svd(a, RANK, power_iters=0.5)
        calls["sketch HMT, one step"] = lambda: sketch.svd(a, RANK, power_iters=1)
    if installed("scikit-learn"):
        from sklearn.utils.extmath import randomized_svd

        calls["scikit-learn"] = lambda: randomized_svd(a, RANK, n_iter=power_iters, random_state=0)
        for columns, steps in ((0, 0), (3, 0), (10, 1)) if kind == "topics" else ():
            name = f"scikit-learn, {columns} more columns, {steps} steps"
            calls[name] = functools.partial(
                randomized_svd, a, RANK, n_oversamples=columns, n_iter=steps, random_state=0
            )
    if installed("torch") and kind == "dense":
        import torch

        tensor = torch.from_numpy(a)
        calls["torch"] = lambda: torch.svd_lowrank(tensor, q=WIDTH, niter=power_iters)
        if installed("skerch") and power_iters == 0:
            from skerch.algorithms import ssvd

            calls["skerch"] = lambda: ssvd(tensor, "cpu", tensor.dtype, WIDTH)
    if kind == "dense" and power_iters == 2:  # whose error no power step can lower
        calls["SciPy svds"] = lambda: svds(a, RANK)
    if kind == "dense":  # the products alone, each in the faster of its forms
        omega, psi = test(n, WIDTH), test(m, WIDTH)
        halves = (lambda: omega.T @ a.T, lambda: psi.T @ a)
        wide_omega, wide_psi = test(n, RANGE), test(m, CORANGE)
        calls["products of HMT"] = lambda: [
            product() for _ in range(1 + power_iters) for product in halves
        ]
        if power_iters == 0:
            calls["products of Nyström"] = lambda: (wide_omega.T @ a.T, wide_psi.T @ a)
    CACHE["data"] = a
    return calls


def wide_start(a: np.ndarray[Any, Any], power_iters: int) -> sketch.LowRank:
    """Return HMT as it is fastest for the error that others have after whole power steps.

    Half as many steps are enough, and without any not even oversampling is needed; two probes are
    enough where the norm identity gives the error. The wide sums of the start follow the fewer
    columns: from the left where the passes are odd, of the transpose where they are even.
    """
    if power_iters == 0:
        family, m, n = sketch.SparseSign(4), *a.shape
        options = {"sketch_rank": RANK, "start_rank": WIDE // 2, "error_probes": 2}
        sk = sketch.HMT((n, m), RANK, test_matrix=family, **options)
        while sk.passes_left:
            sk.update(a.T)
            sk.end_pass()
        return sk.finalize().T
    if power_iters % 2:
        return sketch.svd(a, RANK, power_iters=power_iters / 2, start_rank=WIDE)
    return sketch.svd(a.T, RANK, power_iters=power_iters / 2, start_rank=WIDE).T


def nystrom_of_four(a: sp.csr_array) -> sketch.LowRank:
    """Return generalized Nyström with sparser signs and sizes by hand."""
    family = sketch.SparseSign(4)
    sk = sketch.GeneralizedNystrom(
        a.shape, RANK, sketch_rank=80, corange_rank=320, test_matrix=family
    )
    sk.update(a)
    return sk.finalize()


def relative_error(a: Any, result: Any) -> float | None:
    """Return the relative error of a decomposition at the rank asked for; None for products."""
    if isinstance(result, sketch.LowRank):
        u, s, vh = result
    elif isinstance(result, tuple) and len(result) == 3:
        u, s, third = (np.asarray(x) for x in result)
        vh = third if third.shape[1] == a.shape[1] else third.T
        u, s, vh = u[:, :RANK], s[:RANK], vh[:RANK]
    else:
        return None
    u, s, vh = (x.astype(np.float64) for x in (u, s, vh))
    squared, norm2 = 0.0, 0.0
    for start in range(0, a.shape[0], 2000):
        rows = a[start : start + 2000]
        norm2 += float((rows * rows).sum())
        left = u[start : start + 2000] * s
        if sp.issparse(rows):
            cross = float(((rows @ vh.T) * left).sum())
            squared += float((rows.data**2).sum()) - 2 * cross
            squared += float(((left.T @ left) * (vh @ vh.T)).sum())
        else:
            squared += float(np.linalg.norm(rows - left @ vh)) ** 2
    return float(np.sqrt(max(squared, 0.0) / norm2))


def compare(kind: str, size: str, dtype: str, power_iters: int, repeats: int) -> dict[str, Any]:
    """Measure one setting: seconds, error and peak memory of every case."""
    calls = cases(kind, size, dtype, power_iters)
    errors = {name: relative_error(CACHE["data"], call()) for name, call in calls.items()}
    times = seconds(calls, repeats)
    setting = (kind, size, dtype, str(power_iters))
    memory = {
        name: peak_megabytes(__file__, *setting, name)
        for name in calls
        if not name.startswith("products")
    }
    return {
        "setting": setting,
        "seconds": times,
        "error": errors,
        "extra_mb": memory,
    }


def title(result: dict[str, Any]) -> str:
    """Return what was measured."""
    kind, size, dtype, power_iters = result["setting"]
    shape = (DENSE if kind == "dense" else SPARSE)[size]
    name = {"topics": "sparse, of 400 topics"}.get(kind, kind)
    return f"{name} {shape}, {dtype}, rank {RANK}, {power_iters} power steps"


def standings(stored: dict[str, Any]) -> Standings:
    """Return the seconds and the error of every case of every setting."""
    return {
        title(r): {name: (s, r["error"][name]) for name, s in r["seconds"].items()}
        for r in stored["by_name"].values()
    }


def report(results: Iterable[dict[str, Any]]) -> str:
    """Return the tables as Markdown."""
    text = []
    for result in results:
        ours = result["seconds"]["sketch HMT"]
        rows: list[list[object]] = [
            [
                name,
                value,
                value / ours,
                "" if result["error"][name] is None else result["error"][name],
                round(result["extra_mb"][name]) if name in result["extra_mb"] else "",
            ]
            for name, value in result["seconds"].items()
        ]
        text.append(f"**{title(result)}**\n")
        text.append(table(["", "seconds", "over sketch HMT", "relative error", "extra MB"], rows))
        text.append("")
    return "\n".join(text)


def accuracy() -> str:
    """Return the errors at default options over the best ones, medians of 20 seeds."""
    n = 700
    i = np.arange(n)
    rng = np.random.default_rng(0)
    u = np.linalg.qr(rng.standard_normal((900, n)))[0]
    v = np.linalg.qr(rng.standard_normal((n, n)))[0]
    methods: dict[str, Callable[[Any, int], sketch.LowRank]] = {
        "Nyström": lambda a, seed: sketch.svd(a, 20, method="nystrom", seed=seed),
        "HMT": lambda a, seed: sketch.svd(a, 20, seed=seed),
        "HMT, 2 power steps": lambda a, seed: sketch.svd(a, 20, power_iters=2, seed=seed),
    }
    rows: list[list[object]] = []
    for name, s in {"0.8^i": 0.8**i, "1/i": 1 / (1.0 + i)}.items():
        a = (u * s) @ v.T
        best = np.linalg.norm(s[20:])
        for method, call in methods.items():
            results = [call(a, seed) for seed in range(20)]
            errors = np.array([np.linalg.norm(a - r.to_array()) for r in results])
            estimates = np.array([r.error.value for r in results])
            rows.append(
                [
                    name,
                    method,
                    float(np.median(errors / best)),
                    float(np.median(estimates / errors)),
                ]
            )
    head = ["singular values", "method", "error / best", "estimate / error"]
    return table(head, rows)


def page(stored: dict[str, Any]) -> str:
    """Return the results as a page."""
    head = (
        "Errors at default options over the best ones of rank 20, 900 x 700, medians of 20 seeds:"
    )
    return "\n".join([report(stored["by_name"].values()), head + "\n", stored["accuracy"], ""])


def main(argv: list[str]) -> None:
    """Measure, print, and store what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--memory", nargs=5, metavar="SETTING", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.memory:
        kind, size, dtype, power_iters, name = options.memory
        call = cases(kind, size, dtype, int(power_iters))[name]
        print(extra_megabytes(call))
        return
    size = "quick" if options.quick else "full"
    path = Path(__file__).parent / "results" / "matrices.json"
    stored = json.loads(path.read_text()) if path.exists() else {"by_name": {}}
    for name in options.only:
        kind, dtype, q = SETTINGS[name]
        result = compare(kind, size, dtype, q, options.repeats)
        print(report([result]), flush=True)
        stored["by_name"][name] = result
    stored |= {"machine": machine(), "accuracy": accuracy()}
    print(stored["accuracy"])
    if not options.quick:
        path.write_text(json.dumps(stored, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
