"""Wider sketches of the same data: as if they had been that wide from the start."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator
from strategies import MAPS, SHAPE, SOURCES, gap, matrix, parts

import sketch
from sketch.testing import polynomial, with_spectrum

A = matrix(seed=1)


def filled(data, **options):
    sk = sketch.GeneralizedNystrom(SHAPE, 1, sketch_rank=7, **options)
    sk.update(data)
    return sk


@pytest.mark.parametrize("family", MAPS, ids=repr)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("probes", [0, 4])
def test_a_widened_sketch_is_that_of_its_spec(family, dtype, probes):
    a = A + 1j * matrix(seed=2) if dtype == "complex128" else A
    sk = filled(a, test_matrix=family, dtype=dtype, error_probes=probes)
    before = sk.accumulator.state
    wide = sk.widen(a, 3).widen(a, 5)
    assert (wide.range_size, wide.spec.rank) == (20, 5)
    assert wide.corange_size == 2 * 20
    assert sk.accumulator.state is before  # and may be widened otherwise
    fresh = sketch.GeneralizedNystrom.from_spec(wide.spec)
    fresh.update(a)
    assert gap(parts(wide), parts(fresh)) < 1e-12
    assert np.array_equal(parts(wide)["range"][:7], parts(sk)["range"])
    assert np.array_equal(parts(wide)["corange"][:14], parts(sk)["corange"])
    assert np.allclose(wide.finalize().to_array(), fresh.finalize().to_array(), atol=1e-9)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source(source):
    wide = filled(SOURCES[source](A)).widen(SOURCES[source](A), 4)
    fresh = sketch.GeneralizedNystrom.from_spec(wide.spec)
    fresh.update(A)
    assert gap(parts(wide), parts(fresh)) < 1e-9


def test_widened_sketches_are_saved_and_merged(tmp_path):
    wide = filled(A).widen(A, 4)
    wide.save(tmp_path / "state.npz")
    loaded = sketch.load(tmp_path / "state.npz")
    assert loaded.spec == wide.spec
    other = sketch.GeneralizedNystrom.from_spec(wide.spec)
    other.update(-A)
    assert np.abs((loaded + other).finalize().to_array()).max() < 1e-9


def test_only_what_is_wider_and_of_the_same_data():
    sk = filled(A)
    with pytest.raises(sketch.PassError, match="by the same data"):
        sk.widen(A[::-1], 4)
    with pytest.raises(sketch.PassError, match="by the same data"):
        sk.widen(A[:20], 4)
    for wide, rank in ((sk, 7), (sk.widen(A, 4), 4)):
        with pytest.raises(sketch.RankError, match="begin anew"):
            wide.widen(A, rank)


def test_a_tolerance_takes_no_product_twice():
    # each column is multiplied once, and no more of them than twice those of the known rank
    a, columns = with_spectrum((300, 200), polynomial(200)), []

    def times(x):
        columns.append(1 if x.ndim == 1 else x.shape[1])
        return a @ x

    operator = LinearOperator(
        a.shape, dtype=float, matmat=times, matvec=times, rmatmat=lambda x: a.T @ x
    )
    for seed in range(3):
        columns.clear()
        result = sketch.svd(operator, tol=0.15, method="nystrom", seed=seed)
        assert len(columns) == result.n_passes
        assert sum(columns) <= 2 * (2 * result.rank + 10)
        assert np.linalg.norm(a - result.to_array()) <= 0.15 * np.linalg.norm(a)


def test_dask_leaves_rows_where_they_are():
    a = with_spectrum((300, 200), polynomial(200))
    result = sketch.svd(da.from_array(a, chunks=(60, 90)), tol=0.2, method="nystrom")
    expected = sketch.svd(a, tol=0.2, method="nystrom")
    assert isinstance(result.U, da.Array)
    assert result.rank == expected.rank
    assert np.allclose(result.s, expected.s, rtol=1e-9)
