"""What a user would pick instead, on identical work; those that are not installed are skipped."""

from __future__ import annotations

import importlib.util

import numpy as np

import sketch

from .common import (
    RANK,
    Case,
    dense_matrix,
    entries_error,
    matrix_error,
    sizes,
    sparse_matrix,
    sparse_tensor,
    train,
    train_error,
)


def needs(module):
    if importlib.util.find_spec(module) is None:
        raise NotImplementedError(f"{module} is not installed")


class DenseSVD(Case):
    """20 singular triplets of a matrix of 1,000 columns, no power step."""

    params = (
        ["sketch", "sketch, wide start", "scikit-learn", "torch", "skerch", "scipy svds"],
        sizes(1_000, 5_000, 20_000),
    )
    param_names = ("library", "rows")

    def prepare(self, library, rows):
        a = dense_matrix(rows)
        return _svd(library, a), matrix_error(a)


class SparseSVD(Case):
    """20 singular triplets of a sparse matrix, no power step."""

    params = (["sketch", "scikit-learn", "scipy svds"], sizes(50_000, 200_000, 1_000_000))
    param_names = ("library", "nonzeros")

    def prepare(self, library, nonzeros):
        a = sparse_matrix(nonzeros)
        return _svd(library, a), matrix_error(a)


def _svd(library, a):
    if library == "sketch":
        return lambda: sketch.svd(a, RANK)
    if library == "sketch, wide start":
        return lambda: sketch.svd(a, RANK, power_iters=0.5, start_rank=4 * RANK + 20)
    if library == "scikit-learn":
        needs("sklearn")
        from sklearn.utils.extmath import randomized_svd

        return lambda: randomized_svd(a, RANK, n_iter=0, random_state=0)
    if library == "torch":
        needs("torch")
        import torch

        tensor = torch.from_numpy(a)
        return lambda: torch.svd_lowrank(tensor, q=RANK + 10, niter=0)
    if library == "skerch":
        needs("skerch")
        import torch
        from skerch.algorithms import ssvd

        tensor = torch.from_numpy(a)
        return lambda: ssvd(tensor, "cpu", torch.float64, RANK + 10)
    from scipy.sparse.linalg import svds

    return lambda: svds(a, k=RANK)


class Components(Case):
    """20 principal components of rows about their mean."""

    params = (["sketch", "IncrementalPCA"], sizes(1_000, 4_000, 20_000))
    param_names = ("library", "rows")

    def prepare(self, library, rows):
        a = dense_matrix(rows) + 1.0

        def error(components):
            centred = a - a.mean(axis=0)
            return np.linalg.norm(centred - centred @ components.T @ components) / np.linalg.norm(
                centred
            )

        if library == "sketch":
            return lambda: np.asarray(sketch.pca(a, RANK).components), error
        needs("sklearn")
        from sklearn.decomposition import IncrementalPCA

        return lambda: IncrementalPCA(RANK, batch_size=200).fit(a).components_, error


class DenseTrain(Case):
    """A dense tensor of order 4, rank 10."""

    params = (["sketch", "TensorLy", "torchTT", "tt-sketch"], sizes(20, 40))
    param_names = ("library", "side")

    def prepare(self, library, side):
        t = train(4, side, 30)
        dense = np.asarray(t.to_array())
        if library == "sketch":
            return lambda: sketch.tensor_train(dense, 10), train_error(t)
        if library == "TensorLy":
            needs("tensorly")
            from tensorly.decomposition import tensor_train

            return lambda: list(tensor_train(dense, [1, 10, 10, 10, 1])), train_error(t)
        if library == "torchTT":
            needs("torchtt")
            import torch
            import torchtt

            tensor = torch.from_numpy(dense)
            return lambda: torchtt.TT(tensor, eps=0.0, rmax=10), train_error(t)
        needs("tt_sketch")
        from tt_sketch.sketch import stream_sketch
        from tt_sketch.tensor import DenseTensor

        x = DenseTensor(dense)
        return lambda: stream_sketch(x, 10, 20, seed=1).to_tt(), train_error(t)


class SparseTrain(Case):
    """A sparse tensor of 200^4, rank 10, sizes as published."""

    params = (["sketch", "tt-sketch"], sizes(30_000, 100_000, 300_000))
    param_names = ("library", "nonzeros")

    def prepare(self, library, nonzeros):
        t = sparse_tensor(nonzeros)
        if library == "sketch":
            options = {"sketch_rank": 10, "corange_rank": 20, "error_probes": 0}
            return lambda: sketch.tensor_train(t, 10, **options), entries_error(t)
        needs("tt_sketch")
        from tt_sketch.sketch import stream_sketch
        from tt_sketch.tensor import SparseTensor

        theirs = SparseTensor(t.shape, np.asarray(t.coords), np.asarray(t.data))
        return lambda: stream_sketch(theirs, 10, 20, seed=1).to_tt(), entries_error(t)
