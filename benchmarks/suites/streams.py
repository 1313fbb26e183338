"""Streams: the price of small chunks, of files, of principal components, of saving."""

from __future__ import annotations

import os
import tempfile

import numpy as np

import sketch

from .common import RANK, Case, dense_matrix, matrix_error, sizes


class Chunks(Case):
    """20,000 x 1,000 in row chunks, from whole to small."""

    params = (sizes(20_000, 1_000, 100),)
    param_names = ("rows in a chunk",)

    def prepare(self, rows):
        a = dense_matrix(20_000)

        def run():
            sk = sketch.GeneralizedNystrom(a.shape, RANK)
            for start in range(0, a.shape[0], rows):
                sk.update(a[start : start + rows], at=start)
            return sk.finalize()

        return run, matrix_error(a)


class Files(Case):
    """A mapped file, within a memory budget."""

    params = (["nystrom", "hmt"], sizes(2_000, 20_000, 100_000))
    param_names = ("method", "rows")

    def prepare(self, method, rows):
        a = dense_matrix(rows)
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "a.npy")
        np.save(path, a)
        mapped = np.load(path, mmap_mode="r")
        return lambda: sketch.svd(mapped, RANK, method=method, memory="300MB"), matrix_error(a)

    def teardown(self, *params):
        self.folder.cleanup()


class Components(Case):
    """One-pass principal components."""

    params = (sizes(1_000, 10_000, 100_000),)
    param_names = ("rows",)

    def prepare(self, rows):
        a = dense_matrix(rows) + 1.0

        def error(found):
            centred = a - a.mean(axis=0)
            c = np.asarray(found.components)
            return np.linalg.norm(centred - centred @ c.T @ c) / np.linalg.norm(centred)

        return lambda: sketch.pca(a, RANK), error


class Checkpoint(Case):
    """Writing a state, and reading it again."""

    params = (sizes(1_000, 100_000),)
    param_names = ("rows",)

    def prepare(self, rows):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "state.npz")
        sk = sketch.GeneralizedNystrom((rows, 1_000), RANK)
        sk.update(dense_matrix(rows))

        def run():
            sk.save(path)
            return sketch.load(path)

        return run, None

    def teardown(self, *params):
        self.folder.cleanup()
