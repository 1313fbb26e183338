"""Orthogonal blocks of sparse signs: groups of eight orthogonal rows, spread over windows."""

from __future__ import annotations

import importlib.util
import itertools

import numpy as np
import pytest
import scipy.stats

import sketch
from sketch.maps._block_sign import WINDOW
from sketch.numerics import grouped_rows, kernels

FIELDS = ["real", "complex"]
both_fields = pytest.mark.parametrize("field", FIELDS)


def grouped(start, stop, width, field="real", seed=0):
    return sketch.BlockSign().structured(seed, 1, start, stop, width, field=field)


def drawn(start, stop, width, field="real", seed=0):
    return sketch.BlockSign().draw(seed, 1, start, stop, width, field=field)


@pytest.mark.parametrize("width", [8, 13, 64, 110])
@both_fields
def test_the_rows_of_a_group_are_orthogonal(width, field):
    rows = drawn(0, 2 * WINDOW, width, field)
    for members in grouped(0, 2 * WINDOW, width, field).members:
        together = rows[members]
        assert np.allclose(together @ together.conj().T, width * np.eye(8), atol=1e-12 * width)
        assert (np.count_nonzero(together, axis=0) % 8 == 0).all()  # in the same columns


@pytest.mark.parametrize("width", [1, 2, 5, 7])
@both_fields
def test_entries_of_narrow_matrices_are_signs(width, field):
    assert (np.abs(drawn(0, WINDOW, width, field)) == 1).all()


@pytest.mark.parametrize("width", [8, 13, 110])
def test_all_columns_are_taken_equally_often(width):
    columns = grouped(0, 64 * WINDOW, width).columns
    counts = np.bincount(columns.ravel(), minlength=width)
    assert scipy.stats.chisquare(counts).pvalue > 1e-4  # 1 in 10000
    assert (np.diff(columns, axis=1) > 0).all()


def test_groups_are_spread_over_their_window():
    members = np.sort(grouped(0, 8 * WINDOW, 16).members, axis=1)
    assert (members // WINDOW == members[:, :1] // WINDOW).all()
    gaps = np.diff(members, axis=1)
    # of 7 * 1024 pairs of rows next to each other within a group, 1 in 128 are neighbours
    assert 20 < np.count_nonzero(gaps == 1) < 100
    first, second = (np.sort(members[k : k + 128] % WINDOW, axis=0) for k in (0, 128))
    assert not np.array_equal(first, second)  # each window has a permutation of its own


@both_fields
def test_any_range_of_rows_is_a_part_of_them_all(field):
    whole = drawn(0, 3 * WINDOW, 21, field)
    for start, stop in ((0, 1), (1000, 1100), (1023, 1025), (1024, 2048), (5, 3000), (7, 7)):
        part = grouped(start, stop, 21, field)
        assert np.array_equal(part.hashed().toarray(), whole[start:stop])


# ---- products -------------------------------------------------------------------------------


def layouts(a):
    """Return the same matrix in other layouts, some of them copied before they are multiplied."""
    m, n = a.shape
    wide = np.zeros((2 * m, 2 * n + 3), a.dtype)
    wide[::2, 2 : 2 + n] = a
    sparse = np.zeros((m, 2 * n), a.dtype)
    sparse[:, ::2] = a
    return {
        "C": a,
        "F": np.asfortranarray(a),
        "window": wide[::2, 2 : 2 + n],
        "window of F": np.asfortranarray(wide)[::2, 2 : 2 + n],
        "every second column": sparse[:, ::2],
        "backwards": np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
        "unaligned": np.frombuffer(b"?" + a.tobytes(), a.dtype, a.size, 1).reshape(a.shape),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("rows", [(0, 2 * WINDOW), (1000, 1300), (5, 3333), (1023, 1025)])
def test_compiled_products_are_those_of_the_matrix(monkeypatch, rows, dtype):
    pytest.importorskip("numba")
    monkeypatch.setattr(kernels, "_COMPILE_FROM", 0)
    rng = np.random.default_rng(0)
    for columns, width in ((37, 16), (8, 21), (1, 110)):
        a = rng.standard_normal((rows[1] - rows[0], columns, 2)) @ [1, 1j]
        a = np.asarray(a if dtype.startswith("c") else a.real, dtype)
        for field in FIELDS[: 1 + dtype.startswith("c")]:
            x = grouped(*rows, width, field).astype(dtype)
            exact = x.hashed().toarray().T @ a.astype("complex128")
            # up to 3328 * 8 / 16 products of size sqrt(width / 8) * 4 are added up
            tolerance = 2000 * 4 * width**0.5 * np.finfo(dtype).eps
            for name, same in layouts(a).items():
                seen = x.product_of_dense(same)
                assert seen.dtype == dtype, name
                assert np.abs(seen - exact).max() < tolerance, name


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_sums_do_not_depend_on_the_chunks_nor_on_the_loops(monkeypatch, dtype):
    rng = np.random.default_rng(0)
    a = (8 * rng.standard_normal((2500, 1500))).astype(dtype)
    plain = sums(a, [0, 2500])
    if importlib.util.find_spec("numba"):
        monkeypatch.setattr(kernels, "_COMPILE_FROM", 0)
    for edges in ([0, 2500], [0, 100, 1024, 1025, 2500], range(0, 2501, 250)):
        for name, seen in sums(a, edges).items():
            rounding = 100 * np.finfo("float32" if dtype == "float32" else "float64").eps
            scale = np.abs(plain[name]).max()
            assert np.abs(seen - plain[name]).max() < rounding * scale


def sums(a, edges):
    """Return what a sketch holds of a matrix that came in chunks of rows and columns."""
    sk = sketch.GeneralizedNystrom(a.shape, 8, test_matrix="block-sign")
    for start, stop in itertools.pairwise(edges):
        sk.update(a[start:stop, :700], at=(start, 0))
        sk.update(a[start:stop, 700:], at=(start, 700))
    return {name: part.values for name, part in sk.accumulator.state.parts.items()}


def test_long_sums_in_single_precision_are_added_up_in_double(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(kernels, "_COMPILE_FROM", 0)
    monkeypatch.setattr(grouped_rows, "_WINDOWS", 2)
    a = np.random.default_rng(0).standard_normal((5 * WINDOW, 40)).astype("float32")
    x = grouped(0, 5 * WINDOW, 24).astype("float32")
    for same in (a, np.asfortranarray(a)):
        seen = x.product_of_dense(same)
        assert seen.dtype == "float64"
        exact = x.hashed().toarray().T.astype("float64") @ a
        assert np.allclose(seen, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_bad_entry_is_found(monkeypatch, bad):
    monkeypatch.setattr(kernels, "_COMPILE_FROM", 0)
    a = np.ones((1500, 40))
    a[1100, 7] = bad
    for same in (a, np.asfortranarray(a)):
        sk = sketch.GeneralizedNystrom(a.shape, 8, test_matrix="block-sign")
        with pytest.raises(sketch.NonFiniteError, match=r"\(1100, 7\)"):
            sk.update(same)


@pytest.mark.parametrize("width", [12, 30])
def test_sketches_as_wide_as_the_data_are_gaussian(width):
    # where factorising costs more than any product, nothing is worth compiling
    a = np.random.default_rng(0).standard_normal((80, 30)) * 0.9 ** np.arange(30)
    values = {
        family: sketch.svd(a, width, method="nystrom", test_matrix=family).s
        for family in (None, "gaussian", "block-sign")
    }
    assert np.array_equal(values[None], values["gaussian" if width == 30 else "block-sign"])
    assert not np.array_equal(values["gaussian"], values["block-sign"])
