"""Dask arrays on the threaded scheduler."""

from __future__ import annotations

import sketch

from .common import RANK, Case, dense_matrix, matrix_error, sizes


class Dask(Case):
    """A matrix of 1,000 columns in chunks of 1,000 rows, over its rows."""

    params = (["nystrom", "hmt", "svd_compressed"], sizes(2_000, 20_000, 100_000))
    param_names = ("method", "rows")

    def prepare(self, method, rows):
        import dask
        import dask.array as da

        a = dense_matrix(rows)
        x = da.from_array(a, chunks=(1_000, 1_000))

        def run():
            if method == "svd_compressed":
                return dask.compute(*da.linalg.svd_compressed(x, RANK, compute=True, seed=0))
            result = sketch.svd(x, RANK, method=method)
            return result.U.compute(), result.s, result.Vh

        return run, matrix_error(a)
