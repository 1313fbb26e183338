"""What a user would pick instead, beside those of `sketch.bench`: each library's call, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import today  # noqa: F401

import sketch
from sketch.bench import Method


def torch(rank: int, steps: int) -> Method:
    def prepare(a: Any) -> Callable[[], Any]:
        import torch

        tensor = torch.from_numpy(a)
        return lambda: torch.svd_lowrank(tensor, q=rank + 10, niter=steps)

    return Method(prepare, "torch", 2 + 2 * steps)


def skerch(rank: int) -> Method:
    def prepare(a: Any) -> Callable[[], Any]:
        import torch
        from skerch.algorithms import ssvd

        tensor = torch.from_numpy(a)
        return lambda: ssvd(tensor, "cpu", tensor.dtype, rank + 10)

    return Method(prepare, "skerch")


def svd_compressed(rank: int, steps: int = 0, held: bool = False) -> Method:
    def prepare(x: Any) -> Callable[[], Any]:
        import dask
        import dask.array as da

        options = {"n_power_iter": steps, "compute": not held, "seed": 0}
        return lambda: dask.compute(*da.linalg.svd_compressed(x, rank, **options))

    return Method(prepare, "dask", 1 if held else 2 + 2 * steps)


def torchtt(rank: int) -> Method:
    def prepare(t: Any) -> Callable[[], Any]:
        import torch
        import torchtt

        if isinstance(t, sketch.TensorTrain):
            x = torchtt.TT([torch.from_numpy(core) for core in t.cores])
            return lambda: x.round(1e-16, rmax=rank)
        tensor = torch.from_numpy(t)
        return lambda: torchtt.TT(tensor, eps=1e-16, rmax=rank)

    return Method(prepare, "torchtt")


def teneva(rank: int) -> Method:
    def prepare(t: Any) -> Callable[[], Any]:
        import teneva

        if isinstance(t, sketch.TensorTrain):
            return lambda: teneva.truncate(t.cores, e=1e-16, r=rank)
        return lambda: teneva.svd(t, e=1e-16, r=rank)

    return Method(prepare, "teneva")


def quimb(rank: int) -> Method:
    def prepare(t: Any) -> Callable[[], Any]:
        from quimb.tensor import MatrixProductState

        options = {"dims": list(t.shape), "max_bond": rank, "cutoff": 0.0}
        return lambda: MatrixProductState.from_dense(t, **options)

    return Method(prepare, "quimb")


def tt_sketch(rank: int) -> dict[str, Method]:
    """The published code, with the sizes of the published experiments."""

    def method(call: Callable[[Any, Any], Any]) -> Method:
        def prepare(t: Any) -> Callable[[], Any]:
            from tt_sketch import sketch as theirs

            x = _of_tt_sketch(t)
            return lambda: call(theirs, x)

        return Method(prepare, "tt_sketch")

    return {
        "tt-sketch STTA": method(lambda s, x: s.stream_sketch(x, rank, 2 * rank, seed=1).to_tt()),
        "tt-sketch TT-HMT": method(lambda s, x: s.hmt_sketch(x, rank, seed=1)),
        "tt-sketch OTTS": method(lambda s, x: s.orthogonal_sketch(x, rank, 2 * rank, seed=1)),
    }


def _of_tt_sketch(t: Any) -> Any:
    from tt_sketch import tensor as kinds

    if isinstance(t, np.ndarray):
        return kinds.DenseTensor(t)
    if isinstance(t, sketch.TensorTrain):
        return kinds.TensorTrain(t.cores)
    if isinstance(t, sketch.CPTensor):
        return kinds.CPTensor([t.factors[0] * t.weights, *t.factors[1:]])
    return kinds.SparseTensor(t.shape, t.coords, t.data)


def randomized_pca(rank: int) -> Method:
    """scikit-learn's randomized PCA, of dense rows in memory; of its default steps."""

    def prepare(rows: Any) -> Callable[[], Any]:
        from sklearn.decomposition import PCA

        return lambda: PCA(rank, svd_solver="randomized", random_state=0).fit(rows).components_

    return Method(prepare, "sklearn", 16)


def incremental_pca(rank: int, batch: int) -> Method:
    def prepare(rows: Any) -> Callable[[], Any]:
        from sklearn.decomposition import IncrementalPCA

        return lambda: IncrementalPCA(rank, batch_size=batch).fit(rows).components_

    return Method(prepare, "sklearn", 1)


def exact_pca(rank: int) -> Method:
    """The best components, from the Gram matrix of the smaller side."""

    def prepare(rows: Any) -> Callable[[], Any]:
        def run() -> Any:
            centred = np.subtract(rows, rows.mean(axis=0), dtype=float)
            if centred.shape[0] >= centred.shape[1]:
                return np.linalg.eigh(centred.T @ centred)[1][:, : -rank - 1 : -1].T
            left = np.linalg.eigh(centred @ centred.T)[1][:, : -rank - 1 : -1]
            return np.linalg.qr(centred.T @ left)[0].T

        return run

    return Method(prepare)


def frequent_directions(rank: int, rows_held: int) -> Method:
    """Ghashami, Liberty, Phillips and Woodruff (2016); centred beforehand, as streams cannot be."""

    def prepare(rows: Any) -> Callable[[], Any]:
        def run() -> Any:
            size, buffer = rows_held // 2, np.empty((0, rows.shape[1]))
            mean = rows.mean(axis=0)
            for start in range(0, len(rows), size):
                buffer = np.vstack([buffer, rows[start : start + size] - mean])
                _, s, vh = np.linalg.svd(buffer, full_matrices=False)
                floor = s[size] ** 2 if len(s) > size else 0.0
                buffer = np.sqrt(np.maximum(s[:size] ** 2 - floor, 0))[:, None] * vh[:size]
            return np.linalg.svd(buffer, full_matrices=False)[2][:rank]

        return run

    return Method(prepare, readings=1)
