"""The embedding of trains: linear over all formats, the same everywhere, right on average."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from backends import BACKENDS, host

import sketch

SHAPE = (4, 5, 3)


def train(rank=2, seed=0, to=np.asarray, dtype="float64"):
    rng = np.random.default_rng(seed)
    sizes = zip((1, rank, rank), SHAPE, (rank, rank, 1), strict=True)
    return sketch.TensorTrain([to(rng.standard_normal(size).astype(dtype)) for size in sizes])


@pytest.mark.parametrize("to", BACKENDS)
def test_it_is_linear_over_sums_products_and_formats(to):
    embed = sketch.TrainEmbedding(SHAPE, size=12, blocks=3)
    x, y = train(to=to), train(seed=1, to=to)
    a = sketch.TTOperator.kronecker_sum([to(np.arange(n * n).reshape(n, n) / n) for n in SHAPE])
    dense = host(2.0 * x.to_array() - y.to_array() + (a @ y).to_array())
    lazy = host(embed(2.0 * x - y + a @ y))
    # sums of 60 entries times products of three Gaussian cores: some 100 roundoffs
    assert np.allclose(lazy, embed(dense), rtol=0, atol=1e-12 * np.linalg.norm(lazy))
    assert np.allclose(embed(sp.coo_array(dense)), embed(dense), rtol=0, atol=1e-12)
    assert type(embed(x)) is type(to(np.ones(1)))


def test_it_is_the_same_anywhere_and_differs_by_seed():
    x = train()
    again = sketch.TrainEmbedding(list(SHAPE), size=np.int64(200))
    assert again == sketch.TrainEmbedding(SHAPE)
    assert np.array_equal(again(x), sketch.TrainEmbedding(SHAPE)(x))
    assert not np.array_equal(again(x), sketch.TrainEmbedding(SHAPE, seed=1)(x))
    assert "size=200" in repr(again)
    assert sketch.TrainEmbedding(SHAPE, seed=None).seed is not None


@pytest.mark.parametrize("blocks", [1, 5])
def test_norms_are_right_on_average_and_within_the_law(blocks):
    x = train(rank=1)  # whose variance is the largest
    squares, covered = [], 0
    for seed in range(200):
        embed = sketch.TrainEmbedding(SHAPE, size=20, rank=8, blocks=blocks, seed=seed)
        estimate = np.linalg.norm(embed(x))
        squares.append(estimate**2 / x.norm() ** 2)
        low, high = embed.law.interval(0.0, 0.025)
        covered += low * estimate <= x.norm() <= high * estimate
    variance = ((1 + 2 / 8) ** 2 * (1 + 2 * blocks / 20) - 1) / blocks
    assert abs(np.mean(squares) - 1) < 4 * np.sqrt(variance / 200)
    assert covered >= 200 * 0.95 - 4 * np.sqrt(200 * 0.95 * 0.05)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_it_keeps_the_precision_of_the_data(dtype):
    assert sketch.TrainEmbedding(SHAPE)(train(dtype=dtype)).dtype == dtype


def test_what_makes_no_sense_is_refused():
    for arguments, error in [
        ({"shape": (None, 3)}, sketch.ShapeError),
        ({"shape": (0, 3)}, sketch.ShapeError),
        ({"shape": SHAPE, "size": 0}, sketch.RankError),
        ({"shape": SHAPE, "size": 10, "blocks": 3}, sketch.RankError),
        ({"shape": SHAPE, "rank": 1.5}, sketch.RankError),
        ({"shape": SHAPE, "seed": -1}, sketch.ArgumentError),
    ]:
        with pytest.raises(error):
            sketch.TrainEmbedding(**arguments)
    with pytest.raises(sketch.ShapeError, match="embeds tensors of shape"):
        sketch.TrainEmbedding(SHAPE)(np.ones((4, 5)))
