"""Tensors in every format, over size, rank, order and nonzeros."""

from __future__ import annotations

import numpy as np

import sketch

from .common import (
    RANK,
    Case,
    entries_error,
    estimated,
    sizes,
    sparse_tensor,
    train,
    train_error,
)

METHODS = ["stta", "otts", "tt-hmt"]


class Dense(Case):
    """An array of order 4, over its side; the floor is its product with 60 columns."""

    params = ([*METHODS, "tt-svd", "floor"], sizes(20, 40, 80))
    param_names = ("method", "side")

    def prepare(self, method, side):
        t = train(4, side, 30)
        dense = np.asarray(t.to_array())
        if method == "floor":
            unfolded, columns = dense.reshape(-1, side), np.ones((side, 60))
            return lambda: unfolded @ columns, None
        return lambda: sketch.tensor_train(dense, 10, method=method), train_error(t)


class Sparse(Case):
    """A tensor of 200^4, over its nonzeros: two decades."""

    params = (METHODS, sizes(30_000, 300_000, 3_000_000))
    param_names = ("method", "nonzeros")

    def prepare(self, method, nonzeros):
        t = sparse_tensor(nonzeros)
        return lambda: sketch.tensor_train(t, 10, method=method), entries_error(t)


class CP(Case):
    """A tensor of order 5 and 100 terms, over its side."""

    params = (METHODS, sizes(50, 200, 1_000))
    param_names = ("method", "side")

    def prepare(self, method, side):
        rng = np.random.default_rng(0)
        factors = [rng.standard_normal((side, 100)) for _ in range(5)]
        t = sketch.CPTensor(1.0 / np.arange(1, 101) ** 2, factors)
        return lambda: sketch.tensor_train(t, RANK, method=method), estimated


class Tucker(Case):
    """A tensor of order 4 with a core of 10^4, over its side."""

    params = (METHODS, sizes(50, 200, 1_000))
    param_names = ("method", "side")

    def prepare(self, method, side):
        rng = np.random.default_rng(0)
        factors = [rng.standard_normal((side, 10)) for _ in range(4)]
        fading = 0.5 ** np.indices((10,) * 4).sum(axis=0)
        t = sketch.TuckerTensor(fading * rng.standard_normal((10,) * 4), factors)
        return lambda: sketch.tensor_train(t, RANK, method=method), estimated


class Order(Case):
    """A train of rank 30 and side 20, over its order."""

    params = ([*METHODS, "round"], sizes(5, 10, 20, 80))
    param_names = ("method", "order")

    def prepare(self, method, order):
        t = train(order, 20, 30)
        if method == "round":
            return lambda: t.round(rank=10), train_error(t)
        return lambda: sketch.tensor_train(t, 10, method=method, error_probes=0), train_error(t)


class Sum(Case):
    """A train plus a sparse tensor, never made dense."""

    params = (METHODS, sizes(5_000, 20_000, 100_000))
    param_names = ("method", "nonzeros")

    def prepare(self, method, nonzeros):
        t = train(4, 200, 10) + sparse_tensor(nonzeros)
        return lambda: sketch.tensor_train(t, 10, method=method), estimated
