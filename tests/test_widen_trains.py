"""Wider sketches of tensors: as if they had been that wide from the start."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from test_tensor_sketches import FORMATS, SHAPE, dense, parts, relative_gap

import sketch

FAMILIES = {
    "default": sketch.StackedTrains(),
    "narrow": sketch.StackedTrains(block_rank=3),
    "signs": sketch.StackedTrains(entries="sign"),
    "khatri-rao": sketch.KhatriRao(),
}
SHAPES = [(30, 31, 32), SHAPE, (2,) * 10, (20, 300), (12, 1, 9, 30), (40, 40, 40)]
RANKS = (2, 9, 20)
# each number is a sum of at most 64,000 products, of whatever order: errors of some 1e-13
CLOSE = 1e-11


def filled(data, rank=RANKS[0], shape=None, **options):
    sk = sketch.STTA(data.shape if shape is None else shape, rank, **options)
    sk.update(data)
    return sk


def fresh(wide, data):
    sk = sketch.STTA.from_spec(wide.spec)
    sk.update(data)
    return sk


def noise(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    t = rng.standard_normal(shape)
    return (t + 1j * rng.standard_normal(shape)).astype(dtype) if "complex" in dtype else t


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_a_widened_sketch_is_that_of_its_spec(shape, dtype):
    t = noise(shape, dtype)
    sk = filled(t)
    before = sk.accumulator.state
    wide = sk.widen(t, RANKS[1]).widen(t, RANKS[2])
    assert sk.accumulator.state is before  # and may be widened otherwise
    assert wide.spec.rank == tuple(min(RANKS[2], most) for most in wide.spec.full)
    assert relative_gap(parts(wide), parts(fresh(wide, t))) < CLOSE
    for name, known in parts(sk).items():  # the first columns are what they were
        corner = tuple(map(slice, known.shape))
        assert np.array_equal(parts(wide)[name][corner], known)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_and_family(name, family):
    t = FORMATS[name]()
    wide = filled(t, test_tensor=family).widen(t, 7)
    assert relative_gap(parts(wide), parts(fresh(wide, dense(t)))) < CLOSE


def test_sizes_by_hand_and_bond_by_bond():
    t = FORMATS["cp"]()  # of rank 3
    sk = filled(t, (1, 3, 2), SHAPE, sketch_rank=(3, 4, 4), corange_rank=(5, 5, 5))
    wide = sk.widen(t, (3, 12, 2))
    assert wide.spec.left_sizes == (6, 24, 5)  # as many as there are, or twice the rank
    assert all(a <= b for a, b in zip(wide.spec.left_sizes, wide.spec.right_sizes, strict=True))
    assert relative_gap(parts(wide), parts(fresh(wide, t))) < CLOSE
    assert np.allclose(wide.finalize((3, 3, 3)).to_array(), t.to_array())


def test_a_mode_that_grows_blocks_and_dask():
    t = noise((24, 25, 26))
    sk = sketch.STTA((None, 25, 26), 2)
    for rows in np.array_split(t, 3):
        sk.update(rows)
    wide = sk.widen(t, 9)
    expected = parts(fresh(wide, t))
    assert relative_gap(parts(wide), expected) < CLOSE
    for other in (da.from_array(t, chunks=(10, 12, 26)), sketch.TensorSum([t, t], [0.25, 0.75])):
        assert relative_gap(parts(sk.widen(other, 9)), expected) < CLOSE


def test_widened_sketches_are_saved_and_merged(tmp_path):
    t = noise((24, 25, 26))
    wide = filled(t).widen(t, 9)
    wide.save(tmp_path / "state.npz")
    loaded = sketch.load(tmp_path / "state.npz")
    assert loaded.spec == wide.spec
    assert relative_gap(parts(loaded), parts(fresh(wide, t))) < CLOSE
    more = fresh(wide, noise((24, 25, 26), seed=1))
    both = wide.merge(more) or wide
    assert relative_gap(parts(both), parts(fresh(wide, t + noise((24, 25, 26), seed=1)))) < CLOSE


def test_errors_are_measured_by_the_same_probes():
    i, j, k = np.ogrid[:30, :31, :32]
    t = np.sqrt(1.0 + i + 2 * j + abs(j - k))
    wide = filled(t).widen(t, 9)
    result = wide.finalize()
    low, high = result.error.interval(0.999)
    assert low <= np.linalg.norm(t - result.to_array()) <= high
    assert result.error.value < filled(t).finalize().error.value / 2
    assert np.array_equal(parts(wide)["probe"], parts(filled(t))["probe"])
    assert filled(t, error_probes=0).widen(t, 9).finalize().error.kind == "heuristic"


@pytest.mark.parametrize(
    "change",
    [np.flip, lambda t: 2 * t, lambda t: t[:9]],
    ids=["flipped", "doubled", "cut"],
)
@pytest.mark.parametrize("shape", [(19, 20, 21), (40, 41, 42), (24, 300)], ids=str)
def test_other_data_are_refused(shape, change):
    t = noise(shape)
    sk = filled(t, 1)
    before = parts(sk)
    with pytest.raises((sketch.PassError, sketch.ShapeError)):
        sk.widen(change(t), 9)
    assert relative_gap(parts(sk), before) == 0


def test_only_what_is_wider():
    t = noise((19, 20, 21))
    for rank in (1, 2):
        with pytest.raises(sketch.RankError, match="begin anew"):
            filled(t).widen(t, rank)
    whole = filled(t).widen(t, 90)
    assert whole.spec.left_sizes == whole.spec.full
    # all of it, but for rounding times the condition of square random matrices
    assert np.allclose(whole.finalize().to_array(), t, atol=1e-9)
    with pytest.raises(sketch.RankError, match="begin anew"):
        sketch.STTA((9,), 1).widen(t[0, 0], 3)
    with pytest.raises(sketch.NonFiniteError):
        filled(t).widen(np.where(t == t.max(), np.nan, t), 9)


def test_a_tolerance_reads_for_further_columns_alone():
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((n, 40)) for n in (40, 41, 42)]
    t = np.einsum("r,ir,jr,kr->ijk", 1 / np.arange(1, 41), *factors)
    train = sketch.tensor_train(t, tol=0.1)
    assert np.linalg.norm(train.to_array() - t) <= 0.1 * np.linalg.norm(t)
    reference = sum(core.size for core in sketch.tt_svd(t, tol=0.1).cores)
    assert sum(core.size for core in train.cores) <= 1.1 * reference
