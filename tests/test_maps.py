"""Test matrices: isotropic, independent, addressed by position, the same in every form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

import sketch
from sketch.maps import STREAMS, DrawnMatrix, as_family, family_from_header, family_to_header

FAMILIES = [
    sketch.Gaussian(),
    sketch.Sign(),
    sketch.SparseSign(4),
    sketch.SparseSign(8),
    sketch.BlockSign(),
]
FIELDS = ["real", "complex"]
ROWS, WIDTH = 20_000, 12

every_family = pytest.mark.parametrize("family", FAMILIES, ids=repr)
both_fields = pytest.mark.parametrize("field", FIELDS)


def draw(family, rows=ROWS, width=WIDTH, *, field="real", seed=1, stream=1, start=0):
    return family.draw(seed, stream, start, start + rows, width, field=field)


# ---- moments --------------------------------------------------------------------------------


@every_family
@both_fields
def test_rows_are_isotropic(family, field):
    # E[omega] = 0 and E[omega^* omega] = I over the rows; entries of the sample covariance have a
    # standard deviation of at most sqrt((E |w|^4) / rows), 5 of them: 1 in 10000 for 144 entries
    x = draw(family, field=field)
    fourth = np.mean(np.abs(x) ** 4)
    assert np.abs(x.mean(axis=0)).max() <= 5 / np.sqrt(ROWS)
    covariance = x.conj().T @ x / ROWS
    assert np.abs(covariance - np.eye(WIDTH)).max() <= 5 * np.sqrt(fourth / ROWS)


@every_family
@both_fields
def test_rows_are_uncorrelated_with_each_other(family, field):
    # neighbours, and the ends of blocks of 256 rows
    x = draw(family, field=field)
    for lag in (1, 255, 256, 257):
        products = np.sum(x[lag:].conj() * x[:-lag], axis=1)
        assert abs(products.mean()) <= 5 * np.sqrt(WIDTH / (ROWS - lag))


@every_family
def test_complex_entries_are_circular(family):
    # E[w^2] = 0, so that real and imaginary parts are alike and uncorrelated
    x = draw(family, field="complex")
    fourth = np.mean(np.abs(x) ** 4)
    assert np.abs(np.mean(x**2, axis=0)).max() <= 5 * np.sqrt(fourth / ROWS)


@both_fields
def test_fourth_moments_of_gaussian_maps(field):
    # E |w|^4 = 3 real, 2 complex; its standard error from E |w|^8 = 105 and 24
    x = draw(sketch.Gaussian(), field=field)
    fourth, eighth = {"real": (3, 105), "complex": (2, 24)}[field]
    se = np.sqrt((eighth - fourth**2) / x.size)
    assert abs(np.mean(np.abs(x) ** 4) - fourth) <= 4 * se


def test_gaussian_maps_are_normal():
    # Kolmogorov and Smirnov, both numbers of a pair and both parts of complex ones: each of the
    # four fails one draw of the seed in 1000
    x, z = (draw(sketch.Gaussian(), field=field) for field in FIELDS)
    samples = [x[:, 0::2], x[:, 1::2], np.sqrt(2) * z.real, np.sqrt(2) * z.imag]
    for sample in samples:
        assert scipy.stats.kstest(sample.ravel(), "norm").pvalue > 1e-3


def test_pairs_of_gaussian_entries_are_independent():
    # each raw word gives two: their angle must be uniform and independent of the radius
    x = draw(sketch.Gaussian())
    a, b = x[:, 0::2].ravel(), x[:, 1::2].ravel()
    assert scipy.stats.kstest(np.arctan2(b, a) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(a**2, b**2)[0, 1]) <= 4 / np.sqrt(a.size)


def test_gaussian_tails_reach_beyond_five_standard_deviations():
    # of 4e6 normal numbers, 2.3 lie beyond 5 in the mean: none of them once in 10 draws, at least
    # one beyond 4.5 (27 in the mean) practically always
    x = draw(sketch.Gaussian(), 200_000, 20)
    assert 4.5 < np.abs(x).max() < 6.7


@both_fields
def test_signs_are_signs(field):
    x = draw(sketch.Sign(), 1000, 70, field=field)
    if field == "real":
        assert set(np.unique(x)) == {-1.0, 1.0}
    else:
        assert np.allclose(np.abs(x), 1, rtol=1e-15)
        assert len(np.unique(np.round(x, 12))) == 4


@pytest.mark.parametrize("nnz", [4, 8])
@pytest.mark.parametrize("width", [3, 8, 13, 64])
@both_fields
def test_sparse_signs_have_one_entry_in_every_group(nnz, width, field):
    x = draw(sketch.SparseSign(nnz), 3000, width, field=field)
    groups = min(nnz, width)
    edges = np.arange(groups + 1) * width // groups
    for lo, hi in itertools.pairwise(edges):
        hit = x[:, lo:hi] != 0
        assert (hit.sum(axis=1) == 1).all()
        # equally often in each column of the group: chi squared, 1 in 10000
        if hi - lo > 1:
            assert scipy.stats.chisquare(hit.sum(axis=0)).pvalue > 1e-4
        assert np.allclose(np.abs(x[:, lo:hi][hit]) ** 2, hi - lo)


@pytest.mark.parametrize("nnz", [3, 1, 0, -1, 4.0, "8"])
def test_sparse_signs_refuse_too_few_entries(nnz):
    with pytest.raises(ValueError, match="at least 4"):
        sketch.SparseSign(nnz)


# ---- addresses ------------------------------------------------------------------------------


@every_family
@both_fields
def test_rows_depend_on_their_position_alone(family, field):
    whole = draw(family, 1000, field=field)
    for start, stop in ((0, 1), (255, 257), (256, 512), (999, 1000), (300, 300)):
        part = draw(family, stop - start, start=start, field=field)
        assert np.array_equal(part, whole[start:stop])


@every_family
def test_rows_far_out_can_be_drawn(family):
    # positions are 64-bit numbers: no row before them is drawn
    far = draw(family, 3, start=2**62)
    assert far.shape == (3, WIDTH)
    assert not np.array_equal(far, draw(family, 3))


@every_family
@both_fields
def test_seeds_and_streams_are_independent(family, field):
    # the products of rows of different draws have mean 0
    base = draw(family, field=field)
    others = [draw(family, field=field, stream=stream) for stream in (2, 3, 4)]
    others += [draw(family, field=field, seed=seed) for seed in (0, 2, 2**63)]
    for other in others:
        assert np.abs(base.conj().T @ other / ROWS).max() <= 5.5 * np.sqrt(
            np.mean(np.abs(base) ** 2 * np.abs(other) ** 2) / ROWS
        )


def test_every_test_matrix_of_a_sketch_has_a_stream_of_its_own():
    assert len(set(STREAMS.values())) == len(STREAMS)


@every_family
@both_fields
def test_hashed_rows_are_the_same_rows(family, field):
    matrix = DrawnMatrix(family, 3, STREAMS["range"], WIDTH, field)
    hashed = matrix.rows(200, 400).hashed("float64")
    assert (hashed is not None) == family.sparse
    if hashed is not None:
        dense = matrix.rows(200, 400).array(np.empty(0))
        assert np.array_equal(hashed.toarray(), dense)
        assert np.array_equal(hashed.conj().toarray(), dense.conj())


@every_family
def test_rows_come_in_the_precision_of_the_data(family):
    for dtype in ("float32", "float64", "complex64", "complex128"):
        for field in FIELDS:
            rows = DrawnMatrix(family, 0, 1, 5, field).rows(0, 7).array(np.empty(0, dtype))
            single = dtype in ("float32", "complex64")
            assert rows.real.dtype == ("float32" if single else "float64")
            # real maps stay real beside real data; complex ones are never cut to their real part
            if dtype.startswith("float"):
                assert np.iscomplexobj(rows) == (field == "complex")


@every_family
@both_fields
def test_adjoint_products_are_those_of_the_matrix(family, field):
    matrix = DrawnMatrix(family, 0, 2, 6, field)
    x = np.random.default_rng(0).standard_normal((700, 3))
    omega = matrix.rows(0, 700).array(x)
    assert np.allclose(matrix.adjoint_product(x), omega.conj().T @ x, rtol=1e-13, atol=1e-13)


# ---- names ----------------------------------------------------------------------------------


@every_family
def test_families_are_values(family):
    assert eval(repr(family), vars(sketch)) == family
    assert family_from_header(sketch.TestMatrixFamily, family_to_header(family)) == family
    assert hash(family) == hash(eval(repr(family), vars(sketch)))
    assert as_family(family) is family


def test_families_have_names():
    assert as_family("gaussian") == sketch.Gaussian()
    assert as_family("sign") == sketch.Sign()
    assert as_family("sparse-sign") == sketch.SparseSign(8)
    assert as_family("block-sign") == sketch.BlockSign()
    for wrong in ("gauss", 3, None):
        with pytest.raises(ValueError, match="is not known; choose one of"):
            as_family(wrong)


# ---- panels ---------------------------------------------------------------------------------


@every_family
@both_fields
@pytest.mark.parametrize("stream", STREAMS.values())
def test_the_first_columns_of_a_wider_draw_are_the_narrower_draw(family, field, stream):
    # on both sides, dense and hashed, in rows from anywhere; panels are independent of each other
    widths, like = (12, 7, 30), np.zeros((0, 0), "complex128" if field == "complex" else "float64")
    drawn = []
    for count in (1, 2, 3):
        panels = widths[:count]
        matrix = DrawnMatrix(family, 1, stream, sum(panels), field, panels=panels)
        rows = matrix.rows(250, 1500)
        drawn.append(rows.array(like))
        hashed = rows.hashed("float64")
        assert hashed is None or np.array_equal(hashed.toarray(), drawn[-1])
        last = matrix.panel(count - 1, panels[-1]).rows(250, 1500).array(like)
        assert np.array_equal(last, drawn[-1][:, -panels[-1] :])
    for narrow, wide in itertools.pairwise(drawn):
        assert np.array_equal(narrow, wide[:, : narrow.shape[1]])
    across = drawn[-1][:, :12].conj().T @ drawn[-1][:, 12:] / len(drawn[-1])
    assert np.abs(across).max() <= 5 / np.sqrt(len(drawn[-1]))


FEW = {  # rows or columns whose signs cancel, or repeat each other, by chance
    "pairs of ones": lambda m, n: np.eye(m, n) + np.eye(m, n, k=1),
    "repeated": lambda m, n: np.outer(1.0 + np.arange(m), np.ones(n)),
    "two ones in a row": lambda m, n: 1.0 * (np.arange(n) // 2 == np.arange(m)[:, None]),
    "complex": lambda m, n: (np.eye(m, n) + np.eye(m, n, k=-1)) * np.exp(1j * np.arange(n)),
}


@pytest.mark.parametrize("family", ["gaussian", "sign", "sparse-sign", "block-sign", None])
@pytest.mark.parametrize("method", ["hmt", "nystrom", "krylov"])
@pytest.mark.parametrize("kind", FEW)
def test_few_columns_of_any_test_matrix_miss_nothing(kind, method, family):
    passes = {"passes": 1} if method == "krylov" else {}
    for shape in [(1, 9), (2, 30), (3, 9), (5, 40), (20, 1), (30, 3)]:
        a = FEW[kind](*shape)
        data = scipy.sparse.csr_array(a) if family in (None, "sparse-sign") else a
        s, seed = np.linalg.svd(a, compute_uv=False), 10 * shape[0]
        for rank in {min(shape), max(1, min(shape) - 1)}:
            for _ in range(3):
                seed += 1
                found = sketch.svd(
                    data, rank, method=method, test_matrix=family, seed=seed, **passes
                )
                gap = np.linalg.norm(found.to_array() - a)
                # one reading of HMT squares the data, and leaves half of the digits; what
                # truncation leaves out is found to within rounding by all, since nothing is missed
                rounding = 1e-12 if rank == min(shape) else 1e-7
                assert gap <= np.linalg.norm(s[rank:]) + rounding * s[0]
                low, high = found.error.interval(1 - 1e-9)
                assert low - 1e-13 <= gap <= high + 1e-13
