"""Laws of test tensors: windows, slices, isotropy, and results that do not depend on the family."""

from __future__ import annotations

import numpy as np
import pytest
from test_tensor_sketches import FORMATS, SHAPE, dense, parts, published, relative_gap, sketched

import sketch
from sketch.maps import StackedTrains, TensorTrainMap, probe_bonds, stacked_bonds
from sketch.numerics.cores import absorb_left

pytestmark = pytest.mark.usefixtures("every_backend")

FAMILIES = {
    "default": sketch.StackedTrains(),
    "one train": sketch.StackedTrains(block_rank=30),
    "narrow": sketch.StackedTrains(block_rank=3),
    "signs": sketch.StackedTrains(entries="sign"),
    "khatri-rao": sketch.KhatriRao(),
}


def left_map(sizes=(6, 20, 5), family=None, seed=0):
    family = family or StackedTrains()
    bonds = stacked_bonds(SHAPE, [sizes], family.block_ranks(4), "left")
    return TensorTrainMap(seed, "left", bonds, family)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("name", FORMATS)
def test_every_storage_of_a_tensor_has_the_same_sketch(name, family):
    t = FORMATS[name]()
    ours, theirs = (parts(sketched("stta", x, SHAPE, 3, test_tensor=family)) for x in (t, dense(t)))
    # sums of at most 6*7*8*5 products of test tensors: errors of some 1e-14
    assert relative_gap(ours, theirs) < 1e-12


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_windows_and_slices_are_cut_from_one_core(family):
    whole = left_map(family=family)
    like = np.empty(0)
    for mode in range(3):
        n = 600  # more rows than one block of random numbers holds
        core = whole.draw(mode, 0, n) if not whole.bonds[mode + 1].whole else None
        if core is None:
            continue
        assert np.array_equal(whole.draw(mode, 250, 300), core[:, :, 250:300, :])
        (drawn,) = whole.cores((250,), (n - 250,), like) if mode == 0 else (None,)
        if drawn is not None:
            some = np.array([0, 1, 2, 40, 300])
            assert np.array_equal(drawn.slices(some), core[:, :, 250 + some, :])


def test_whole_bonds_keep_everything():
    whole = left_map(sizes=(6, 20, 5))
    assert whole.bonds[1].whole  # 6 columns of a mode of size 6
    assert np.array_equal(whole.draw(0, 0, 6)[0, 0], np.eye(6))
    assert not whole.bonds[2].whole
    growing = stacked_bonds((None, 4, 5), [(6, 4)], range(8, 9), "left")
    assert not growing[1].whole


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_norms_are_kept_on_average(family):
    """Mean of ||Y^T x||^2 / (r ||x||^2) over seeds is 1 within 4 standard errors."""
    x = np.random.default_rng(0).standard_normal((6, 7, 8, 3))
    ratios = []
    for seed in range(300):
        test = left_map(seed=seed, family=family)
        state = x.reshape(1, 1, -1)
        for mode in range(3):
            core = test.draw(mode, 0, SHAPE[mode])
            split = state.reshape(state.shape[0], core.shape[1], SHAPE[mode], -1)
            state = absorb_left(split, core)
        ratios.append(float(np.sum(state**2)) / (state.shape[0] * state.shape[1] * np.sum(x**2)))
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios) / np.sqrt(len(ratios))


@pytest.mark.parametrize("family", ["default", "one train", "signs", "khatri-rao"])
def test_accuracy_does_not_hang_on_the_family(family):
    t = published("cp")
    full = t.to_array()
    best = np.linalg.norm(sketch.tt_svd(full, 8).to_array() - full)
    errors = [
        np.linalg.norm(
            sketched("stta", t, full.shape, 8, seed=seed, test_tensor=FAMILIES[family])
            .finalize()
            .to_array()
            - full
        )
        for seed in range(10)
    ]
    assert np.median(errors) <= 1.15 * best


def test_khatri_rao_warns_of_high_orders():
    with pytest.warns(UserWarning, match=r"3\*\*9"):
        sketch.STTA((3,) * 9, 2, test_tensor="khatri-rao")


def test_families_are_checked_and_saved(tmp_path):
    with pytest.raises(ValueError, match="stacked-trains"):
        sketch.STTA(SHAPE, 2, test_tensor="unknown")
    with pytest.raises(sketch.RankError, match="block_rank"):
        sketch.StackedTrains(block_rank=0)
    with pytest.raises(ValueError, match="entries"):
        sketch.StackedTrains(entries="cauchy")
    sk = sketch.STTA(SHAPE, 2, test_tensor=sketch.StackedTrains(block_rank=4, entries="sign"))
    sk.update(np.ones(SHAPE))
    sk.save(tmp_path / "state.npz")
    assert sketch.load(tmp_path / "state.npz").spec == sk.spec
    with pytest.raises(sketch.IncompatibleSketchError, match="test_tensor"):
        sk.merge(sketch.STTA(SHAPE, 2))


def test_probes_are_narrow_at_the_middle_bond_alone():
    bonds = probe_bonds((10, 10, 10, 10), 16, 8)
    assert [bond.rank for bond in bonds] == [8, 8, 2, 8, 1]
    assert [bond.rank for bond in probe_bonds((5,), 16, 8)] == [8, 1]
    assert [bond.rank for bond in probe_bonds((None, 10, 10), 16, 8)] == [8, 2, 8, 1]


def test_sparse_tensors_with_a_huge_mode_draw_what_they_need():
    rng = np.random.default_rng(0)
    n = 40_000_000
    indices = np.sort(rng.integers(0, n, 30))
    bonds = stacked_bonds((5, n, 4), [(5, 4)], range(8, 16), "left")
    test = TensorTrainMap(0, "left", bonds, StackedTrains())
    core = test.cores((0, 0, 0), (5, n, 4), np.empty(0))[1]
    slices = core.slices(indices)  # all of the core would take 15 GB
    assert slices.shape[2] == 30
    fourth = int(indices[3])
    assert np.array_equal(slices[:, :, 3], test.draw(1, fourth, fourth + 1)[:, :, 0])
