"""The distance of two trains, by products or by QRs, is that of the tensors they stand for."""

from __future__ import annotations

import numpy as np
import pytest

import sketch
from sketch.formats import distance_and_norm

U = 2.0**-53


def train(order, n, rank, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    sizes = [1, *[rank] * (order - 1), 1]
    cores = [rng.standard_normal((sizes[k], n, sizes[k + 1])) for k in range(order)]
    if np.dtype(dtype).kind == "c":
        cores = [core + 1j * rng.standard_normal(core.shape) for core in cores]
    return sketch.TensorTrain([(core / np.linalg.norm(core)).astype(dtype) for core in cores])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize(("order", "n", "rank"), [(1, 7, 1), (2, 6, 3), (3, 4, 4), (5, 3, 3)])
@pytest.mark.parametrize("gap", [1.0, 1e-3])
def test_distance_is_that_of_the_tensors(order, n, rank, dtype, gap):
    x, change = train(order, n, rank, dtype), train(order, n, 1, dtype, seed=1)
    y = x + gap * change
    wide = np.complex128 if np.dtype(dtype).kind == "c" else np.float64
    dense = [np.asarray(t.astype(wide).to_array()) for t in (x, y)]
    for first, second in ((0, 1), (1, 0)):
        trains = (x, y)[first], (x, y)[second]
        distance, norm, blur = distance_and_norm(*trains)
        assert blur < 1e-5
        # sums of a few hundred squares, in the precision of QRs where products do not resolve them
        rounding = 100 * float(np.finfo(dtype).eps) * np.linalg.norm(dense[0])
        assert abs(distance - np.linalg.norm(dense[0] - dense[1])) < rounding + blur * distance
        assert np.isclose(norm, np.linalg.norm(dense[second]), rtol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("relative", [1e-7, 1e-11])
def test_products_resolve_small_distances_of_trains_in_any_gauge(relative):
    x, other = train(8, 6, 5), train(8, 6, 2, seed=1)
    y = (x + relative * x.norm() / other.norm() * other).round(7)
    gauge = 10.0 ** np.arange(-3, 4)
    cores = list(y.cores)
    cores[2], cores[3] = cores[2] * gauge, cores[3] / gauge[:, None, None]
    distance, norm, _ = distance_and_norm(x, sketch.TensorTrain(cores))
    # of entries of size norm, in the 8 cores and by the rounding of y
    assert abs(distance / norm - relative) < 100 * U
    assert np.isclose(norm, x.norm())


def test_distances_from_trains_whose_terms_cancel_come_from_qrs():
    x = train(4, 5, 3)
    twice = 1e6 * x - (1e6 - 1) * x
    distance, norm, blur = distance_and_norm(x, twice)
    assert blur == 0.0
    assert distance < 1e3 * 1e6 * U * norm  # rounding of the terms


@pytest.mark.parametrize("size", [1e-25, 1.0, 1e25])
def test_distances_of_large_and_small_trains(size):
    cores = [size * core for core in train(10, 3, 3).cores]
    x = sketch.TensorTrain(cores)
    distance, norm, _ = distance_and_norm(x, sketch.TensorTrain([2 * cores[0], *cores[1:]]))
    assert np.isclose(distance, norm / 2)
    assert np.isclose(norm, 2 * x.norm())


def test_zeros_and_equal_trains_have_no_distance():
    x = train(3, 4, 2)
    zero = 0 * x
    assert distance_and_norm(zero, x)[0] == pytest.approx(x.norm())
    assert distance_and_norm(x, zero)[:2] == (pytest.approx(x.norm()), 0.0)
    assert distance_and_norm(x, x)[0] < 100 * U * x.norm()
