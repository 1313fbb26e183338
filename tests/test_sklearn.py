"""Estimators under scikit-learn's own checks, and beside its estimators."""

from __future__ import annotations

import pickle

import dask.array as da
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import multivariate_normal

import sketch

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sketch.sklearn import SketchPCA, SketchSVD

M, N = 200, 70
ROWS = np.random.default_rng(0).standard_normal((M, N)) * 0.8 ** np.arange(N) + 3.0


@pytest.mark.filterwarnings("default")  # checks give data of few rows, on purpose
@parametrize_with_checks([SketchPCA(), SketchPCA(n_components=1), SketchSVD(n_components=1)])
def test_estimators_pass_all_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, sp.csc_array])
@pytest.mark.parametrize("whiten", [False, True])
def test_components_are_those_of_scikit_learn(form, whiten):
    ours = SketchPCA(5, whiten=whiten).fit(form(ROWS))
    theirs = PCA(5, whiten=whiten, svd_solver="full").fit(ROWS)
    assert np.allclose(ours.components_, theirs.components_, atol=1e-4)
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_", "mean_"):
        assert np.allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-5), name
    assert ours.noise_variance_ == pytest.approx(theirs.noise_variance_, rel=1e-5)
    assert np.allclose(ours.transform(form(ROWS)), theirs.transform(ROWS), atol=1e-2)
    back = ours.inverse_transform(ours.transform(ROWS))
    assert np.allclose(back, theirs.inverse_transform(theirs.transform(ROWS)), atol=1e-3)
    assert (ours.n_components_, ours.n_samples_, ours.n_features_in_) == (5, M, N)


def test_a_share_of_the_variance_takes_as_many_components_as_scikit_learn():
    for share in (0.3, 0.8, 0.99):
        ours, theirs = SketchPCA(share).fit(ROWS), PCA(share, svd_solver="full").fit(ROWS)
        assert ours.n_components_ == theirs.n_components_
    assert SketchPCA().fit(ROWS).n_components_ == N
    wide = np.random.default_rng(0).standard_normal((150, 400))
    assert SketchPCA(0.95).fit(wide).n_components_ > 100  # the search is widened


@pytest.mark.parametrize("estimator", [SketchPCA(2), SketchSVD(2)], ids=repr)
def test_rows_are_taken_for_what_they_are_or_refused(estimator):
    masked = np.ma.masked_array(ROWS, mask=False)
    assert np.array_equal(clone(estimator).fit(masked).components_, estimator.fit(ROWS).components_)
    masked[3, 2] = np.ma.masked
    with pytest.raises(sketch.NonFiniteError, match=r"\(3, 2\)"):
        estimator.fit_transform(masked)
    for times in (
        ROWS.astype("m8[s]"),
        pytest.importorskip("pandas").DataFrame(ROWS.astype("M8[s]")),
    ):
        with pytest.raises(sketch.DtypeError, match="times"):
            estimator.fit_transform(times)
    narrow = np.random.default_rng(0).integers(0, 120, (30, 5)).astype("i1")
    row, column = np.indices(narrow.shape).reshape(2, -1)
    cells = np.tile(row, 4), np.tile(column, 4)
    repeated = sp.coo_array((np.tile(narrow.ravel(), 4), cells), shape=narrow.shape)
    found, best = (clone(estimator).fit(x) for x in (repeated, 4.0 * narrow))
    assert np.allclose(found.singular_values_, best.singular_values_)


def test_batches_do_not_matter():
    whole = SketchPCA(4).partial_fit(ROWS)
    parts = SketchPCA(4)
    for batch in np.split(ROWS, 20):  # of fewer rows than IncrementalPCA allows for 40 components
        parts.partial_fit(batch)
    assert np.allclose(parts.components_, whole.components_, atol=1e-8)
    assert parts.n_samples_ == M
    theirs = IncrementalPCA(4, batch_size=20).fit(ROWS)
    exact = PCA(4, svd_solver="full").fit(ROWS)
    error = [np.abs(x.explained_variance_ / exact.explained_variance_ - 1) for x in (parts, theirs)]
    assert np.all(error[0] <= error[1] + 1e-4)
    parts.fit(ROWS)  # begins anew
    assert parts.n_samples_ == M


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
def test_svd_is_that_of_scikit_learn(form):
    ours = SketchSVD(5).fit(form(ROWS))
    theirs = TruncatedSVD(5, algorithm="arpack").fit(form(ROWS))
    for name in ("singular_values_", "explained_variance_", "explained_variance_ratio_"):
        assert np.allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-4), name
    signs = np.sign(np.sum(ours.components_ * theirs.components_, axis=1))
    assert np.allclose(ours.components_, signs[:, None] * theirs.components_, atol=1e-3)
    assert np.allclose(ours.transform(form(ROWS)), signs * theirs.transform(form(ROWS)), atol=2e-2)


def test_dask_collections_stay_lazy():
    x = da.from_array(ROWS, chunks=(60, 30))
    for estimator in (SketchPCA(4), SketchSVD(4)):
        fitted = clone(estimator).fit(x)
        scores = fitted.transform(x)
        assert isinstance(scores, da.Array)
        assert scores.shape == scores.compute().shape == (M, 4)
        back = fitted.inverse_transform(scores)
        assert back.shape == back.compute().shape == (M, N)
        assert np.allclose(scores.compute(), clone(estimator).fit(ROWS).transform(ROWS), atol=1e-6)
        with pytest.raises(ValueError, match="expecting 70 features"):
            fitted.transform(x[:, :5])
    assert SketchPCA(4).partial_fit(x).n_samples_ == M


def test_tables_come_and_go_with_names():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(ROWS, columns=[f"gene {i}" for i in range(N)])
    fitted = SketchPCA(3).set_output(transform="pandas").fit(table)
    scores = fitted.transform(table)
    assert list(scores.columns) == ["sketchpca0", "sketchpca1", "sketchpca2"]
    assert list(fitted.get_feature_names_out()) == list(scores.columns)
    assert list(fitted.feature_names_in_) == list(table.columns)


def test_pipelines_grids_and_pickles():
    y = ROWS[:, 0]
    grid = GridSearchCV(
        make_pipeline(SketchPCA(), LinearRegression()), {"sketchpca__n_components": [1, 8]}, cv=3
    ).fit(ROWS, y)
    assert grid.best_params_ == {"sketchpca__n_components": 8}
    fitted = SketchPCA(3, whiten=True).partial_fit(ROWS[:100])
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.transform(ROWS), fitted.transform(ROWS))
    for each in (again, fitted):
        each.partial_fit(ROWS[100:])
    assert np.array_equal(again.components_, fitted.components_)
    seeded = [SketchPCA(3, random_state=np.random.RandomState(0)).fit(ROWS) for _ in range(2)]
    assert np.array_equal(seeded[0].components_, seeded[1].components_)


def test_batches_may_ask_for_other_numbers_that_the_sketch_holds():
    fitted = SketchPCA(2).partial_fit(ROWS[:100])
    assert fitted.set_params(n_components=20).partial_fit(ROWS[100:]).n_components_ == 20
    exact = PCA(20, svd_solver="full").fit(ROWS).explained_variance_
    assert np.allclose(fitted.explained_variance_[:5], exact[:5], rtol=1e-2)
    with pytest.raises(sketch.RankError, match="holds"):
        fitted.set_params(n_components=N).partial_fit(ROWS)
    assert fitted.n_samples_ == M  # nothing was lost


def test_bad_numbers_of_components_are_refused():
    for wrong in (0, -1, N + 1, 1.5, "mle"):
        with pytest.raises(sketch.RankError, match="n_components"):
            SketchPCA(wrong).fit(ROWS)
    with pytest.raises(sketch.RankError, match="n_components"):
        SketchSVD(N + 1).fit(ROWS)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, lambda x: da.from_array(x, (60, 30))])
@pytest.mark.parametrize("k", [1, 8, 12])  # 12 of 12: nothing beside
def test_the_likelihood_is_that_of_scikit_learn(form, k):
    rows = ROWS[:, :12]
    new = rows[::3] + 0.1
    ours, theirs = SketchPCA(k).fit(form(rows)), PCA(k, svd_solver="full").fit(rows)
    # the least variance is 1e-2 of the largest, so that inverses keep fourteen digits less two
    assert np.allclose(ours.get_covariance(), theirs.get_covariance(), rtol=1e-10, atol=1e-10)
    assert np.allclose(ours.get_precision(), theirs.get_precision(), rtol=1e-9, atol=1e-9)
    # sparse rows are centred by sums of squares, whose digits the mean costs
    assert np.allclose(ours.score_samples(form(new)), theirs.score_samples(new), rtol=1e-9)
    assert ours.score(form(new)) == pytest.approx(theirs.score(new), rel=1e-9)


def test_the_likelihood_is_of_rows_in_their_own_units():
    rows = ROWS[:, :12]
    for whiten in (False, True):
        ours = SketchPCA(4, scale=True, whiten=whiten).fit(rows)
        exact = multivariate_normal(ours.mean_, ours.get_covariance()).logpdf(rows)
        assert np.allclose(ours.score_samples(rows), exact, rtol=1e-9)


def test_rows_without_a_rest_have_no_likelihood():
    flat = SketchPCA(2).fit(ROWS[:3])
    with pytest.raises(sketch.RankError, match="singular"):
        flat.score(ROWS)


def test_the_number_of_components_is_chosen_by_the_likelihood():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((300, 3)) @ rng.standard_normal((3, 12)) * 3
    rows += rng.standard_normal(rows.shape)
    grid = GridSearchCV(SketchPCA(), {"n_components": [1, 2, 3, 5, 8]}, cv=3).fit(rows)
    assert grid.best_params_ == {"n_components": 3}


def test_precision_is_kept():
    fitted = SketchPCA(3).fit(ROWS.astype("float32"))
    assert fitted.components_.dtype == fitted.transform(ROWS.astype("float32")).dtype == "float32"


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e170, 1e300])
@pytest.mark.parametrize("estimator", [SketchSVD(3), SketchPCA(3), SketchPCA(3, whiten=True)])
def test_shares_and_scores_do_not_depend_on_the_scale(estimator, scale):
    rows = np.random.default_rng(0).standard_normal((40, 7)) * [9, 5, 3, 1, 1, 1, 1] + 1
    plain = clone(estimator).fit(rows)
    found = clone(estimator).fit(rows * scale)
    assert np.allclose(found.explained_variance_ratio_, plain.explained_variance_ratio_)
    unit = 1.0 if getattr(estimator, "whiten", False) else scale
    assert np.allclose(found.transform(rows * scale) / unit, plain.transform(rows))
