"""Completion: exact where it can be, the same in any chunks, honest about its error."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.io
import scipy.sparse

import sketch
from sketch.cli import main
from sketch.numerics.packed import packed, packed_solve, packed_squares
from sketch.sources import as_known_source

RNG = np.random.default_rng(0)


def low_rank(m, n, rank, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
    return a + noise * rng.standard_normal((m, n))


def with_gaps(a, share, seed=1):
    return np.where(np.random.default_rng(seed).random(a.shape) < share, a, np.nan)


def as_sparse(rows):
    known = ~np.isnan(rows)
    i, j = np.nonzero(known)
    return scipy.sparse.coo_array((rows[i, j], (i, j)), shape=rows.shape).tocsr()


A = low_rank(240, 30, 3)
A[:, 4] = 0  # whose zeros are stored
ROWS = with_gaps(A, 0.5)


@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize("p", [1, 7, 6000])  # the last of nine are solved by compiled loops
def test_packed_systems_are_solved(p, size):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((p, size + 2, size))
    full = np.swapaxes(x, 1, 2) @ x
    assert np.allclose(packed_squares(x[:, 0]), packed(x[:, 0, :, None] * x[:, 0, None, :]))
    right, diagonal = rng.standard_normal((p, size)), rng.random((p, size))
    found = packed_solve(packed(full), right, diagonal)
    regular = full + diagonal[:, :, None] * np.eye(size)
    assert np.allclose(regular @ found[:, :, None], right[:, :, None], atol=1e-6)


def npy(folder, rows):
    np.save(folder / "a.npy", rows)
    return folder / "a.npy"


def npz(folder, rows):
    scipy.sparse.save_npz(folder / "a.npz", as_sparse(rows))
    return folder / "a.npz"


def mtx(folder, rows):
    scipy.io.mmwrite(folder / "a.mtx", as_sparse(rows))
    return folder / "a.mtx"


def dask(folder, rows, chunks=(70, 13)):
    return pytest.importorskip("dask.array").from_array(rows, chunks=chunks)


FORMATS = {
    "nan": lambda folder, rows: rows,
    "fortran": lambda folder, rows: np.asfortranarray(rows),
    "masked": lambda folder, rows: np.ma.masked_invalid(rows),
    "csr": lambda folder, rows: as_sparse(rows),
    "csc": lambda folder, rows: as_sparse(rows).tocsc(),
    "coo": lambda folder, rows: as_sparse(rows).tocoo(),
    "npy": npy,
    "npz": npz,
    "mtx": mtx,
    "dask": dask,
    "masked dask": lambda f, rows: dask(f, rows).map_blocks(np.ma.masked_invalid),
    "chunks": lambda folder, rows: np.array_split(rows, 4),
    "sparse chunks": lambda folder, rows: [as_sparse(part) for part in np.array_split(rows, 4)],
    "sparse dask": lambda f, rows: dask(f, rows).map_blocks(as_sparse),
    "dask of both": lambda f, rows: dask(f, rows, (70, 40)).map_blocks(either, dtype="f8"),
    "pydata": lambda f, rows: pytest.importorskip("sparse").COO.from_scipy_sparse(as_sparse(rows)),
}


def either(rows):
    """Return a chunk with NaN, or sparse, as many rows as it has."""
    return as_sparse(rows) if len(rows) == 70 else rows


@pytest.mark.parametrize("kind", FORMATS)
def test_low_rank_rows_are_recovered_from_every_format(kind, tmp_path):
    found = sketch.complete(FORMATS[kind](tmp_path, ROWS), 3)
    assert found.shape == A.shape
    assert np.allclose(found.to_array(), A, atol=1e-6)
    assert np.allclose((found.U * found.s) @ found.Vh + found.mean, A, atol=1e-6)
    assert found.rmse.value < 1e-6


def test_predictions_transforms_and_gaps_agree():
    found = sketch.complete(ROWS, 3)
    i, j = np.nonzero(np.isnan(ROWS))
    assert np.allclose(found.predict(i, j), A[i, j], atol=1e-6)
    assert np.allclose(found.fill(ROWS[:9]), A[:9], atol=1e-6)
    coordinates = found.transform(ROWS[:9])
    assert np.allclose(found.inverse_transform(coordinates), A[:9], atol=1e-6)
    assert np.allclose(found.of(ROWS[100:]).to_array(), A[100:], atol=1e-6)
    with pytest.raises(sketch.ShapeError, match="must match"):
        found.predict([1, 2], [1])
    with pytest.raises(sketch.ShapeError, match="within"):
        found.predict([240], [1])
    with pytest.raises(sketch.ShapeError, match="rows of 30 entries"):
        found.of(ROWS[:, :20])


def streamed(rows, cuts, **options):
    options = {"sample": 5000, **options}
    sk = sketch.Completion((None, rows.shape[1]), 3, **options)
    for chunk in np.split(rows, cuts):
        sk.update(chunk)
    return sk


NOISY = with_gaps(low_rank(2000, 30, 3, noise=0.3), 0.4)


def test_chunks_do_not_matter():
    whole = streamed(NOISY, []).finalize()
    assert whole.rows is None  # the sample is too small for them: it is a stream
    for cuts in ([1, 2, 3, 700], [500, 1000, 1500], list(range(50, 2000, 50))):
        found = streamed(NOISY, cuts).finalize()
        assert np.allclose(found.columns, whole.columns, rtol=1e-6, atol=1e-9)
        assert np.isclose(found.rmse.value, whole.rmse.value, rtol=1e-6)


def test_a_stream_is_nearly_as_good_as_all_rows_at_once():
    truth = low_rank(2000, 30, 3)
    hidden = np.isnan(NOISY)
    errors = []
    for found in (streamed(NOISY, [500, 1000]).finalize().of(NOISY), sketch.complete(NOISY, 3)):
        errors.append(np.sqrt(np.mean((found.to_array() - truth)[hidden] ** 2)))
    assert errors[0] < 1.15 * errors[1]


OPTIONS = (
    {"ridge": 0.05},
    {"ridge": 0},
    {"biases": False},
    {"holdout": 0},
    {"sample": 40},
    {"passes": 3},
    {"dtype": "float32"},
    {"seed": 5},
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("rank", [3, (2, 4)])
def test_states_of_every_option_are_saved(options, rank, tmp_path):
    sk = sketch.Completion((None, 30), rank, **options)
    for _ in range(2):
        sk.save(tmp_path / "state.npz")
        again = sketch.load(tmp_path / "state.npz")
        assert again.spec == sk.spec
        sk.update(NOISY[:80])
    found = sk.finalize() if sk.n_passes == 1 else sketch.complete(NOISY, 3)
    found.save(tmp_path / "result.npz")
    assert repr(sketch.load(tmp_path / "result.npz")) == repr(found)


def test_an_empty_share_is_merged_with_any_other():
    full = streamed(NOISY[:300], [], sample=400)
    empty = sketch.Completion((None, 30), 3, sample=400)
    for one, other in ((full, empty), (empty, full)):
        both = (one + other).finalize()
        assert np.array_equal(both.columns, full.finalize().columns)
        assert both.n_rows == 300


def test_a_second_pass_of_other_rows_is_refused():
    sk = sketch.Completion((None, 30), 3, passes=2)
    for stop in (300, 200):
        sk.update(NOISY[:stop])
        if stop == 300:
            sk.end_pass()
    with pytest.raises(sketch.PassError, match="a later pass saw"):
        sk.finalize()


def test_a_saved_stream_goes_on(tmp_path):
    path = tmp_path / "state.npz"
    for cut in (100, 900):  # before the start of the columns, and after it
        first = streamed(NOISY[:cut], [])
        first.save(path)
        again = sketch.load(path)
        again.update(NOISY[cut:])
        assert np.allclose(again.finalize().columns, streamed(NOISY, []).finalize().columns)
    found = again.finalize()
    found.save(path)
    loaded = sketch.load(path)
    assert np.array_equal(loaded.columns, found.columns)
    assert loaded.rmse == found.rmse


def test_rows_and_columns_without_entries_are_predicted_by_what_is_known():
    rows = ROWS.copy()
    rows[5], rows[:, 7] = np.nan, np.nan
    found = sketch.complete(rows, 3)
    assert np.allclose(found.to_array()[5], found.mean, atol=1e-9)
    rest = np.delete(np.delete(A, 5, 0), 7, 1)
    assert np.allclose(np.delete(np.delete(found.to_array(), 5, 0), 7, 1), rest, atol=1e-6)
    assert np.isfinite(found.to_array()).all()
    assert found.n_short >= 1


@pytest.mark.parametrize("bad", ["infinite", "complex", "cube"])
def test_what_cannot_be_completed_is_refused(bad):
    sk = streamed(NOISY, [])
    before = sk.finalize()
    chunk = {
        "infinite": np.where(np.arange(60).reshape(2, 30) == 33, np.inf, 1.0),
        "complex": np.ones((2, 30), complex),
        "cube": np.ones((2, 30, 2)),
    }[bad]
    with pytest.raises((sketch.NonFiniteError, sketch.DtypeError, sketch.ShapeError)):
        sk.update(chunk)
    assert np.array_equal(sk.finalize().columns, before.columns)


def test_arguments_are_checked():
    for shape in [(None, 0), (None,), (3, 4, 5), 7]:
        with pytest.raises(sketch.ShapeError):
            sketch.Completion(shape, 2)
    for rank in (0, 2.5, []):
        with pytest.raises(sketch.RankError):
            sketch.Completion((None, 8), rank)
    for options in ({"ridge": -1}, {"ridge": np.nan}, {"holdout": 0.7}, {"holdout": "x"}):
        with pytest.raises(sketch.ArgumentError):
            sketch.Completion((None, 8), 2, **options)


def error_of(found):
    errors = found.of(NOISY).to_array() - low_rank(2000, 30, 3)
    return np.sqrt(np.mean(errors[np.isnan(NOISY)] ** 2))


@pytest.mark.parametrize("biases", [True, False])
def test_merged_streams_are_nearly_as_good_as_one(biases):
    whole = streamed(NOISY, [], biases=biases)
    parts = [streamed(NOISY[:900], [], biases=biases), streamed(NOISY[900:], [], biases=biases)]
    merged = parts[0] + parts[1]
    assert merged.n_updates == 2
    found = merged.finalize()
    assert found.n_rows == 2000
    alone = [error_of(part.finalize()) for part in parts]
    # one start of the two, and rows that were solved for with columns of half of the data
    assert error_of(found) < 1.1 * error_of(whole.finalize())
    assert error_of(found) < max(alone)


def test_merging_before_the_start_adds_rows():
    one, other = streamed(NOISY[:50], []), streamed(NOISY[50:], [])
    for first, second in ((one, other), (other, one)):
        total = first.copy()
        total.merge(second)
        found = total.finalize()
        assert found.n_rows == 2000
        assert error_of(found) < 1.1 * error_of(streamed(NOISY, []).finalize())
    small = one.copy()
    small.merge(streamed(NOISY[50:80], []))
    together = streamed(NOISY[:80], []).finalize()
    assert small.finalize().n_rows == together.n_rows == 80


def test_streams_that_do_not_fit_are_not_merged():
    one = streamed(NOISY, [])
    before = one.finalize()
    with pytest.raises(sketch.IncompatibleSketchError, match="specs are equal"):
        one.merge(sketch.Completion((None, 30), 4, sample=5000))
    with pytest.raises(sketch.IncompatibleSketchError, match="same share"):
        one.merge(one.copy())
    with pytest.raises(sketch.IncompatibleSketchError, match="condition"):
        one.merge(streamed(with_gaps(low_rank(2000, 30, 1, seed=9), 0.6), []))
    few = np.random.default_rng(5).standard_normal((2000, 30))
    few[:, 3:] = np.nan
    with pytest.raises(sketch.IncompatibleSketchError, match="3 columns"):
        one.merge(streamed(few, []))
    with pytest.raises(sketch.ArgumentError, match="cannot be subtracted"):
        one - one.copy()
    assert np.array_equal(one.finalize().columns, before.columns)


def test_forgetting_follows_what_drifts():
    before, after = low_rank(3000, 20, 2, seed=3), low_rank(3000, 20, 2, seed=4)
    rows = with_gaps(np.concatenate([before, after]), 0.6)
    errors = []
    for forgetting in (1.0, 0.9):
        sk = sketch.Completion((None, 20), 2, sample=3000, holdout=0.1)
        sk.consume(np.split(rows, 60), forgetting=forgetting)
        found = sk.finalize().of(rows[3000:])
        errors.append(np.sqrt(np.mean((found.to_array() - after) ** 2)))
        assert np.isclose(sk.finalize().rmse.value, errors[-1], rtol=0.5) or forgetting == 1.0
    assert errors[1] < 0.25 * errors[0]


@pytest.mark.parametrize("kind", ["nan", "csr", "dask", "chunks"])
def test_passes_are_alternating_least_squares_in_any_partition(kind, tmp_path):
    reference = sketch.Completion((None, 30), 3, passes=3, sample=5000)
    for _ in range(3):
        reference.update(NOISY)
        reference.end_pass()
    expected = reference.finalize()
    assert expected.n_passes == 3
    data = FORMATS[kind](tmp_path, NOISY)
    sk = sketch.Completion((None, 30), 3, passes=3, sample=5000)
    for _ in range(3):
        if kind == "chunks":
            parts = [sk.copy() for _ in data]
            row = 0
            for part, chunk in zip(parts, data, strict=True):
                part.update(chunk, at=row)
                row += len(chunk)
            sk = parts[0]
            for part in parts[1:]:
                sk.merge(part)
        else:
            sk.update(data)
        sk.end_pass()
    found = sk.finalize()
    assert np.allclose(found.columns, expected.columns, rtol=1e-6, atol=1e-8)
    assert np.isclose(found.rmse.value, expected.rmse.value)
    assert error_of(found) < 1.05 * error_of(sketch.complete(NOISY, 3))


def test_a_pass_over_other_data_is_refused():
    sk = sketch.Completion((None, 30), 3, passes=3)
    for rows in (NOISY, NOISY):
        sk.update(rows)
        sk.end_pass()
    sk.update(NOISY[:1500])
    with pytest.raises(sketch.PassError, match="later pass saw"):
        sk.finalize()


def test_completion_on_the_command_line(tmp_path, capsys):
    np.save(tmp_path / "a.npy", ROWS)
    out, filled, state = (str(tmp_path / name) for name in ("out.npz", "filled.npy", "state.npz"))
    command = ["complete", str(tmp_path / "a.npy"), "--rank", "2,3", "--out", out]
    assert main([*command, "--filled", filled]) == 0
    told = capsys.readouterr()
    for line in ("method        complete, 1 pass", "rmse", "short rows", "rank          3"):
        assert line in told.out
    assert np.allclose(np.load(filled), A, atol=1e-6)
    assert np.allclose(sketch.load(out).to_array(), A, atol=1e-6)
    assert main(["info", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rmse"]["value"] < 1e-6
    assert main([*command, "--state", state, "--json"]) == 0
    capsys.readouterr()
    assert main(["merge", state, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rank"] == 3
    assert main([*command, "--state", state, "--passes", "2"]) == 2
    assert "leave --passes out" in capsys.readouterr().err
    np.save(tmp_path / "a.npy", ROWS[0])
    assert main(command) == 2


def test_components_of_rows_with_gaps(tmp_path, capsys):
    rows = low_rank(1500, 24, 3, noise=0.05) * np.linspace(1, 2, 24) + np.arange(24)
    exact = sketch.pca(rows, 3)
    found = sketch.pca(with_gaps(rows, 0.6), 3, missing="fit")
    overlap = np.linalg.svd(found.components @ exact.components.T)[1]
    assert overlap.min() > 0.999
    assert np.allclose(found.mean, exact.mean, atol=0.02)
    assert np.allclose(found.singular_values, exact.singular_values, rtol=0.02)
    assert np.isclose(found.total_variance, exact.total_variance, rtol=0.02)
    assert found.n_samples == 1500
    assert np.allclose(
        np.abs(found.transform(rows[:9])), np.abs(exact.transform(rows[:9])), atol=0.1
    )
    with pytest.raises(ValueError, match="no bounds"):
        found.explained_variance_interval()
    found.save(tmp_path / "found.npz")
    assert main(["info", str(tmp_path / "found.npz")]) == 0
    capsys.readouterr()


def test_options_that_do_not_fit_gaps_are_refused():
    for options in ({"tol": 0.1}, {"scale": True}, {"center": False}):
        with pytest.raises(sketch.OptionError, match="leave it out"):
            sketch.pca(ROWS, 3, missing="fit", **options)
    with pytest.raises(sketch.ArgumentError, match="fit"):
        sketch.pca(ROWS, 3, missing="mean")
    with pytest.raises(sketch.RankError, match="needs a rank"):
        sketch.pca(ROWS, missing="fit")
    with pytest.raises(sketch.NonFiniteError):
        sketch.pca(ROWS, 3)


@pytest.mark.parametrize("scale", [1e-200, 1e-9, 1e30, 1e200])
def test_units_do_not_matter(scale):
    found, same = sketch.complete(ROWS * scale, 3), sketch.complete(ROWS, 3)
    assert np.allclose(found.to_array() / scale, same.to_array(), atol=1e-6)
    noisy, plain = sketch.complete(NOISY * scale, 3), sketch.complete(NOISY, 3)
    assert np.isclose(noisy.penalty / scale, plain.penalty)
    assert np.isclose(noisy.rmse.value / scale, plain.rmse.value, rtol=1e-6)


@pytest.mark.parametrize("rank", [5, 30, 50])
def test_ranks_above_that_of_the_data_recover_them_too(rank):
    found = sketch.complete(ROWS, rank)
    assert found.rank == min(rank, 30)
    assert np.allclose(found.to_array(), A, atol=1e-5)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("passes", [1, 3])
def test_low_rank_data_without_noise_or_ridge_are_recovered_to_rounding(biases, passes):
    rng = np.random.default_rng(4)
    a = rng.standard_normal((200, 4)) @ rng.standard_normal((4, 60))
    known = np.where(rng.random(a.shape) < 0.4, a, np.nan)
    found = sketch.complete(known, 4, ridge=0, biases=biases, passes=passes)
    assert np.linalg.norm(found.to_array() - a) <= 1e-11 * np.linalg.norm(a)


def test_single_precision_stays_single():
    found = sketch.complete(ROWS.astype("f4"), 3)
    for array in (found.to_array(), found.predict([0], [1]), found.transform(ROWS[:2]), found.Vh):
        assert array.dtype == np.float32
    assert np.allclose(found.to_array(), A, atol=1e-5)


def test_data_of_which_nothing_or_one_value_is_known():
    for rows in (np.zeros((0, 8)), np.full((20, 8), np.nan)):
        with pytest.warns(sketch.UnseenWarning, match="no entry is known"):
            found = sketch.complete(rows, 2)
        assert found.shape == rows.shape
        assert found.rmse.kind == "heuristic"
        assert np.array_equal(found.to_array(), np.zeros(rows.shape))
    constant = np.full((50, 8), 3.0)
    assert np.allclose(sketch.complete(with_gaps(constant, 0.5), 2).to_array(), 3)


def test_intervals_hold_as_often_as_they_say():
    inside = []
    for seed in range(60):
        truth = low_rank(300, 40, 2, seed=seed)
        noise = 0.5 * np.random.default_rng(seed).standard_normal(truth.shape)
        rows = with_gaps(truth + noise, 0.6, seed=seed)
        found = sketch.complete(rows, 2, ridge=0.05, holdout=0.03, seed=seed)
        errors = (found.to_array() - truth - noise)[np.isnan(rows)]
        low, high = found.rmse.interval()
        inside.append(low <= np.sqrt(np.mean(errors**2)) <= high)
    assert np.mean(inside) >= 0.9  # 95 %, less two standard errors of 60 cases


def test_a_stream_is_resumed_where_it_was_left(tmp_path):
    path = tmp_path / "state.npz"

    def broken():
        yield NOISY[:700]
        yield NOISY[700:1500]
        raise KeyboardInterrupt

    sk = sketch.Completion((None, 30), 3, sample=5000)
    with pytest.raises(KeyboardInterrupt):
        sk.consume(broken(), checkpoint=path)
    again = sketch.load(path)
    again.consume(np.split(NOISY, 4))
    assert again.position == 2000
    assert np.allclose(again.finalize().columns, streamed(NOISY, []).finalize().columns)


def test_fill_values_of_files_are_gaps(tmp_path):
    counts = np.outer(np.arange(1, 61), np.arange(1, 13)).astype("i2")
    hidden = np.random.default_rng(0).random(counts.shape) < 0.3
    with scipy.io.netcdf_file(tmp_path / "a.nc", "w") as file:
        for name, size in zip("tx", counts.shape, strict=True):
            file.createDimension(name, size)
        variable = file.createVariable("v", "i2", ("t", "x"))
        variable._FillValue = np.int16(-999)
        variable[:] = np.where(hidden, -999, counts)
    spec = f"{tmp_path / 'a.nc'}::v"
    with sketch.open(spec, missing="nan") as file:
        assert np.array_equal(np.isnan(np.asarray(file)), hidden)
        opened = sketch.complete(file, 1)
    found = sketch.complete(spec, 1)
    assert np.array_equal(found.columns, opened.columns)
    assert np.allclose(found.to_array(), counts, rtol=1e-4)
    with pytest.raises(sketch.NonFiniteError, match='missing="zero" takes zero'):
        sketch.svd(spec, 1)


def test_a_rank_is_asked_for():
    with pytest.raises(sketch.RankError, match=r"complete\(a, rank=20\)"):
        sketch.complete(ROWS)
    with pytest.raises(sketch.ShapeError, match="shape="):
        sketch.complete(np.zeros((9, 2), int), np.ones(9))


def test_interrupted_streams_hold_what_came_before():
    def rows(last):
        yield from (ROWS[:20], ROWS[20:30])
        yield last
        raise KeyboardInterrupt

    sk, same = (sketch.Completion((None, ROWS.shape[1]), 3) for _ in range(2))
    with pytest.raises(KeyboardInterrupt):
        sk.consume(rows(ROWS[30:40]))
    with pytest.raises(sketch.NonFiniteError):
        sk.consume(rows(np.full((2, ROWS.shape[1]), np.inf)))
    for chunk in (ROWS[:40], ROWS[:30]):
        same.update(chunk)
    assert np.array_equal(sk.finalize().to_array(), same.finalize().to_array())


@pytest.mark.parametrize("scale", [1e-30, 1e-23, 1e23, 1e30])
def test_components_of_incomplete_rows_keep_variances_beyond_single_precision(scale):
    rows = NOISY[:200].astype("float32")
    found = sketch.pca(rows * np.float32(scale), 2, missing="fit")
    expected = sketch.pca(rows, 2, missing="fit")
    assert found.dtype == "float32"
    ratio = found.explained_variance / expected.explained_variance
    assert np.allclose(np.sqrt(ratio) / scale, 1, rtol=1e-3)


@pytest.mark.parametrize("kind", ["dask", "sparse dask", "masked dask"])
def test_what_becomes_of_dask_rows_is_lazy(tmp_path, kind):
    found = sketch.complete(ROWS, 3)
    chunked = FORMATS[kind](tmp_path, ROWS)
    for lazy, expected in (
        (found.transform(chunked), found.transform(ROWS)),
        (found.fill(chunked), found.fill(ROWS)),
    ):
        assert hasattr(lazy, "compute")
        assert lazy.shape == expected.shape
        assert lazy.dtype == expected.dtype
        assert np.allclose(lazy.compute(), expected, atol=1e-10)


def test_small_chunks_of_a_dask_array_are_computed_together():
    da, callbacks = pytest.importorskip("dask.array"), pytest.importorskip("dask.callbacks")
    rows = np.where(np.arange(900.0).reshape(300, 3) % 7 == 0, np.nan, 1.0)
    started = []
    with callbacks.Callback(start=started.append):
        source = as_known_source(da.from_array(rows, chunks=(2, 2)))
        blocks = [(at, block.rows.shape[0]) for at, block in source.in_order().blocks()]
        assert [at for at, _ in blocks] == [(row, 0) for row in range(0, 300, 2)]
        assert len(started) == 1
        # 10 rows of 3 numbers at once, which are 5 chunks
        assert len(list(source.in_order().blocks(10 * 3 * 8))) == 150
        assert len(started) == 1 + 30


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_entries_of_any_size_are_completed_alike(size):
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, (60, 2)) @ rng.uniform(-1, 1, (2, 30))
    a[rng.random(a.shape) < 0.4] = np.nan
    usual, scaled = sketch.complete(a, 2), sketch.complete(size * a, 2)
    assert scaled.rmse.value / size < 1e-7
    assert np.allclose(scaled.to_array() / size, usual.to_array(), atol=1e-7)


def test_entries_whose_sums_are_beyond_the_range_are_told():
    a = np.full((60, 30), 1e308) * np.random.default_rng(0).choice([-1, 1], (60, 30))
    with pytest.raises(sketch.NonFiniteError, match="beyond the range"):
        sketch.complete(a, 2)


def test_ranks_may_come_in_an_array_and_complex_sketches_are_refused():
    a = np.outer(np.arange(1.0, 31), np.arange(1.0, 21))
    assert sketch.complete(a, np.array([1, 2])).rank == sketch.complete(a, [1, 2]).rank
    with pytest.raises(sketch.RankError, match="integer"):
        sketch.complete(a, [[1], [2, 3]])
    with pytest.raises(sketch.DtypeError, match="real and imaginary"):
        sketch.Completion((None, 4), 2, dtype=complex)
