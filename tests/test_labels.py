"""Results know the names and labels of their data, and go out to other libraries."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import sketch

xarray = pytest.importorskip("xarray")
RNG = np.random.default_rng(0)
FIELD = RNG.standard_normal((12, 3, 5))


def labelled():
    """Return a field over time and places, whose places have an altitude and an index of two."""
    time = np.datetime64("2024-01-01", "ns") + np.arange(12) * np.timedelta64(1, "D")
    coords = {"time": time, "lat": [10.0, 20.0, 30.0], "lon": list("abcde"), "run": 7}
    field = xarray.DataArray(FIELD, coords, ("time", "lat", "lon"))
    return field.assign_coords(height=(("lat", "lon"), np.ones((3, 5)), {"units": "m"}))


def rebuilt(data):
    return (data.U * data.s).dot(data.Vh, dim="component")


def test_a_labelled_matrix_comes_back_labelled():
    field = labelled().stack(place=("lat", "lon"))
    made = sketch.svd(field, 12).to_xarray()
    assert made.U.dims == ("time", "component")
    assert made.Vh.dims == ("component", "place")
    assert made.attrs["relative_error"] < 1e-12
    xarray.testing.assert_allclose(rebuilt(made).unstack("place"), labelled(), atol=1e-12)
    assert made.height.attrs == {"units": "m"}
    assert int(made.run) == 7
    gone = sketch.svd(field, 3, method="krylov").to_xarray()
    assert gone.residuals.dims == ("component",)


def test_what_is_made_of_a_result_keeps_its_labels():
    field = labelled().stack(place=("lat", "lon"))
    found = sketch.svd(field, 5)
    for other in (found.truncate(2), found.astype("float32"), found.T.T, found.H.H):
        assert other.to_xarray().U.dims == ("time", "component")
        assert list(other.to_xarray().time.values) == list(field.time.values)
    flipped = found.T.to_xarray()
    assert flipped.U.dims == ("place", "component")
    assert flipped.Vh.dims == ("component", "time")
    square = labelled()[:5, 0, :]
    assert sketch.svd(square, 2).T.to_xarray().U.dims == ("lon", "component")


def test_components_and_trains_have_labels_too():
    field = labelled()
    found = sketch.pca(field[:, 0, :], 2)
    for other in (found, found.truncate(1), sketch.pca(field[:, 0, :], 2, whiten=True)):
        made = other.to_xarray()
        assert made.components.dims == ("component", "lon")
        assert np.allclose(made["mean"].sel(lon="b"), FIELD[:, 0, 1].mean())
        assert "time" not in made.coords  # along which a component does not go
    for train in (sketch.tensor_train(field, 5), sketch.tt_svd(field, 5)):
        made = train.round(3).to_xarray()
        assert made.core_1.dims == ("bond_1", "lat", "bond_2")
        assert made.core_1.sel(lat=20.0).shape == train.round(3).cores[1][:, 1, :].shape
        assert train.T.to_xarray().core_0.dims == ("bond_0", "lon", "bond_1")
        assert train.sum(axis=0).to_xarray().core_0.dims == ("bond_0", "dim_0", "bond_1")
        assert (2 * train + train).to_xarray().core_0.dims == ("bond_0", "time", "bond_1")


def test_frames_and_annotated_matrices_have_labels():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    anndata = pytest.importorskip("anndata")
    a = RNG.standard_normal((6, 3))
    index = pandas.Index(list("uvwxyz"), name="gauge")
    frame = pandas.DataFrame(a, index=index, columns=["p", "q", "r"])
    made = sketch.svd(frame, 3).to_xarray()
    assert np.allclose(rebuilt(made).sel(gauge="w", dim_1="q"), a[2, 1])
    made = sketch.svd(polars.DataFrame(a, schema=["p", "q", "r"]), 3).to_xarray()
    assert np.allclose(rebuilt(made).sel(dim_1="q"), a[:, 1])
    cells = anndata.AnnData(frame.rename_axis(None))
    made = sketch.pca(cells, 2).to_xarray()
    assert list(made["var"].values) == ["p", "q", "r"]


def test_files_have_labels(tmp_path):
    pytest.importorskip("h5netcdf")
    path = tmp_path / "field.nc"
    labelled().rename("T").to_netcdf(path, engine="h5netcdf")
    made = sketch.svd(f"{path}::T", 12).to_xarray()  # the first axis against the others
    assert made.Vh.dims == ("component", "lat", "lon")
    assert np.allclose(rebuilt(made).sel(lat=20.0, lon="c"), FIELD[:, 1, 2])
    assert list(made.time.values) == list(range(12))  # as they are stored: days since the first
    train = sketch.tensor_train(f"{path}::T", 5).to_xarray()
    assert train.core_2.dims == ("bond_2", "lon", "bond_3")


def test_data_without_names_have_numbered_axes():
    made = sketch.svd(FIELD[:, 0], 2).to_xarray()
    assert (made.U.dims, made.Vh.dims) == (("dim_0", "component"), ("component", "dim_1"))
    same = xarray.DataArray(np.eye(4), dims=("x", "y")).rename(y="component")
    with pytest.raises(sketch.ArgumentError, match="'component'"):
        sketch.svd(same, 2).to_xarray()


def test_chunked_vectors_stay_chunked():
    da = pytest.importorskip("dask.array")
    field = labelled()[:, 0, :].chunk({"time": 4})
    made = sketch.svd(field, 2).to_xarray()
    assert isinstance(made.U.data, da.Array)
    assert np.allclose(made.U.values.T @ made.U.values, np.eye(2))


# ---- other libraries -----------------------------------------------------------------------------


def quietly_imported(name):
    with warnings.catch_warnings():  # of parts that are not compiled
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def test_structured_tensors_go_to_tensorly_and_back():
    pytest.importorskip("tensorly")
    factors = [RNG.standard_normal((n, 2)) for n in (3, 4, 5)]
    for x in (
        sketch.TensorTrain.random((3, 4, 5), 2),
        sketch.CPTensor(np.array([1.0, 2.0]), factors),
        sketch.TuckerTensor(RNG.standard_normal((2, 2, 2)), factors),
    ):
        there = x.to_tensorly()
        assert np.allclose(there.to_tensor(), x.to_array())
        assert np.allclose(sketch.tensor_train(there, 4).to_array(), x.to_array())


def test_trains_go_to_torchtt_and_back():
    torch, _ = pytest.importorskip("torch"), quietly_imported("torchtt")
    x = sketch.TensorTrain.random((3, 4, 5), 2)
    there = x.to_torchtt()
    assert list(there.N) == [3, 4, 5]
    assert np.allclose(there.full().numpy(), x.to_array())
    assert np.allclose(sketch.TensorTrain(there.cores).to_array(), x.to_array())
    assert np.allclose(sketch.tensor_train(there, 4).to_array(), x.to_array())
    kept = sketch.TensorTrain([torch.asarray(core) for core in x.cores])
    assert kept.to_torchtt().cores[1] is kept.cores[1]


@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 4, 5)])
def test_trains_go_to_quimb(shape):
    quietly_imported("quimb.tensor")
    x = sketch.TensorTrain.random(shape, 2)
    assert np.allclose(x.to_quimb().to_dense().reshape(shape), x.to_array())


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_open_chains_come_from_quimb_and_others_are_refused(dtype):
    """By its bonds: whatever the order of axes and the exponent; a ring is no train."""
    quimb = quietly_imported("quimb.tensor")
    for sites, bond, values in ((1, 1, 2), (2, 3, 2), (5, 4, 3)):
        state = quimb.MPS_rand_state(sites, bond, phys_dim=values, dtype=dtype, seed=0)
        for k in range(sites):
            state[k].transpose_(*reversed(state[k].inds))
        state.exponent = 2.0
        ours = sketch.tensor_train(state, 20)
        assert ours.dtype == dtype
        assert np.allclose(ours.to_array().ravel(), state.to_dense().ravel(), rtol=1e-4)
        assert ours.dot(state) == pytest.approx(ours.dot(ours), rel=1e-4)
        assert (ours - state).norm() < 1e-4 * ours.norm()
    ring = quimb.MPS_rand_state(5, 3, cyclic=True, dtype=dtype)
    huge = quimb.MPS_rand_state(5, 3, dtype=dtype)
    huge.exponent = 5000.0
    for other in (ring, huge, quimb.MPO_rand(4, 3, dtype=dtype)):
        with pytest.raises(sketch.DtypeError, match=r"quimb may have .*give sketch.TensorTrain"):
            sketch.tensor_train(other, 4)


@pytest.mark.parametrize("name", ["tensorly", "torchtt", "quimb", "xarray"])
def test_a_library_that_is_missing_is_named(name, monkeypatch):
    import sys

    for known in [key for key in sys.modules if key.partition(".")[0] == name]:
        monkeypatch.setitem(sys.modules, known, None)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.tensor", None)
    x = sketch.TensorTrain.ones((3, 4))
    with pytest.raises(sketch.SketchError, match=f"needs {name}; pip install"):
        getattr(x, f"to_{name}")()


def test_results_are_operators_and_arrays():
    import scipy.sparse as sp

    a = RNG.standard_normal((9, 6))
    found = sketch.svd(a, 6)
    assert np.allclose(np.asarray(found), a)
    assert np.allclose(found.aslinearoperator() @ np.ones(6), a.sum(axis=1))
    assert np.allclose(found @ sp.eye_array(6).tocsc(), a)


# ---- saved ---------------------------------------------------------------------------------------


def named_data():
    """Yield data of every kind that has names or labels."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    field = labelled()
    yield field[:, 0, :]
    yield field.stack(place=("lat", "lon"))
    yield field[:, :, 0].drop_vars(["time", "lat"])
    frame = pandas.DataFrame(FIELD[:, :, 0], columns=["p", None, 3])
    yield frame
    yield frame.set_index(pandas.date_range("2020-01-01", periods=12, tz="Europe/Berlin", name="t"))
    yield polars.DataFrame(FIELD[:, :, 0], schema=["p", "é", "r"])


CALLS = {"svd": sketch.svd, "pca": sketch.pca, "train": sketch.tt_svd}


@pytest.mark.parametrize("call", CALLS)
def test_saved_results_keep_names_and_labels(call, tmp_path):
    for data in named_data():
        result = CALLS[call](data, 2)
        result.save(tmp_path / "r.npz")
        again = sketch.load(tmp_path / "r.npz")
        made, back = result.to_xarray(), again.to_xarray()
        several = [name for name, index in made.indexes.items() if index.nlevels > 1]
        flat = made.reset_index(several)
        assert set(back.coords) == set(map(str, flat.coords))
        for name, found in flat.coords.items():
            assert back[str(name)].dims == tuple(map(str, found.dims))
            same = back[str(name)].values.astype(str) == found.values.astype(str)
            assert same.all()
            assert back[str(name)].attrs == found.attrs
        again.truncate(1).save(tmp_path / "once more.npz") if call != "train" else None


def test_labels_of_rows_are_not_kept_with_components(tmp_path):
    sketch.pca(labelled()[:, 0, :], 2).save(tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz") as arrays:
        labels = [arrays[name] for name in arrays.files if name.startswith("label_")]
    assert list("abcde") in [list(values) for values in labels if values.ndim]
    assert all(values.dtype.kind != "M" for values in labels)
