"""Results in files of other programs say what the results are."""

from __future__ import annotations

import gzip
import itertools
import json
import sys

import numpy as np
import pytest
import scipy.io

import sketch
from sketch.cli import main
from sketch.files import archive
from sketch.files.archive import Kept
from sketch.io import save_as

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((12, 3)) @ RNG.standard_normal((3, 8))
RESULTS = {
    "low rank": (lambda: sketch.svd(MATRIX, 2), ("U", "s", "Vh")),
    "complex": (lambda: sketch.svd(MATRIX * (1 + 1j), 2), ("U", "s", "Vh")),
    "krylov": (lambda: sketch.svd(MATRIX, 2, method="krylov"), ("U", "s", "Vh", "residuals")),
    "components": (lambda: sketch.pca(MATRIX, 2), ("components", "mean", "scale")),
    "train": (lambda: sketch.tt_svd(MATRIX.reshape(3, 4, 8), 2), ("cores",)),
}


def kept(result, names):
    if names == ("cores",):
        return {f"core_{k}": core for k, core in enumerate(result.cores)}
    return {name: getattr(result, name) for name in names}


def read_h5(path):
    with pytest.importorskip("h5py").File(path) as file:
        return {name: file[name][...] for name in file}, json.loads(file.attrs["sketch"])


def read_mat(path):
    found = scipy.io.loadmat(path)
    arrays = {name: value for name, value in found.items() if name[0] != "_" and name != "sketch"}
    return arrays, json.loads(found["sketch"].item())


def how(path):
    zarr = path.endswith(".zarr")
    return {"engine": "zarr", "consolidated": False} if zarr else {"engine": "h5netcdf"}


def read_labelled(path):
    pytest.importorskip(how(path)["engine"])
    with pytest.importorskip("xarray").open_dataset(path, **how(path)) as found:
        return {name: found[name].values for name in found}, found.attrs


READERS = {".h5": read_h5, ".mat": read_mat, ".nc": read_labelled, ".zarr": read_labelled}


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("name", RESULTS)
def test_results_are_written_for_other_programs(name, suffix, tmp_path, capsys):
    make, names = RESULTS[name]
    result, source, out = make(), str(tmp_path / "r.npz"), str(tmp_path / f"out{suffix}")
    result.save(source)
    assert main(["convert", source, out]) == 0
    assert out in capsys.readouterr().out
    arrays, about = READERS[suffix](out)
    for key, values in kept(result, names).items():
        assert np.array_equal(np.squeeze(arrays[key]), np.squeeze(values))
    if suffix in (".h5", ".mat"):
        assert about["seeds"] == list(result.seeds)
        assert about["kind"] == type(result).__name__
    else:
        assert about["relative_error"] == pytest.approx(result.error.relative)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_labels_of_a_file_go_to_the_result(suffix, tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    coords = {"time": np.arange(12.0), "lat": [10.0, 20.0]}
    field = xarray.DataArray(MATRIX.reshape(12, 2, 4), coords, ("time", "lat", "lon"), "T")
    source = tmp_path / "field.nc"
    field.to_netcdf(source, engine="h5netcdf")
    for command, name in (("svd", "Vh"), ("pca", "components")):
        out = str(tmp_path / f"{command}{suffix}")
        assert main([command, f"{source}::T", "--rank", "2", "--quiet", "--out", out]) == 0
        with xarray.open_dataset(out, **how(out)) as made:
            assert list(made.lat.values) == [10.0, 20.0]
            assert made[name].dims == ("component", "lat", "lon")


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sketch.svd(MATRIX, 2).save("r.npz")
    sk = sketch.GeneralizedNystrom((12, 8), 2)
    sk.update(MATRIX)
    sk.save("state.npz")
    np.save("a.npy", MATRIX)
    (tmp_path / "there.zarr").mkdir()
    for arguments, message in (
        (["convert", "r.npz", "r.txt"], ".nc .zarr .h5 .mat or .npz"),
        (["convert", "r.npz", "there.zarr"], "exists already"),
        (["convert", "r.npz", "nowhere/r.nc"], "folder does not exist"),
        (["convert", "state.npz", "r.mat"], "not a result"),
        (["convert", "a.npy", "r.mat"], "not a readable sketch file"),
        (["svd", "a.npy", "--rank", "2", "--out", "there.zarr"], "exists already"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert main(["convert", "r.npz", "r.h5"]) == 2
    assert "needs h5py; pip install" in capsys.readouterr().err
    assert not (tmp_path / "r.h5").exists()


def test_compressed_arrays_are_refused_with_the_step(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    packed = tmp_path / "a.npy.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.npy").read_bytes()))
    with pytest.raises(sketch.StateFileError, match="gunzip"):
        sketch.svd(packed, 2)


def test_refusals_of_missing_values_name_the_choice():
    holes = MATRIX.copy()
    holes[3, 5] = np.nan
    for call in (sketch.svd, sketch.pca, sketch.tt_svd, sketch.tensor_train):
        for data in (holes, np.ma.masked_invalid(holes)):
            with pytest.raises(sketch.NonFiniteError, match=r"sketch\.complete.*missing="):
                call(data, 2)


# ---- and back ------------------------------------------------------------------------------------


def same_results(one, other):
    first, second = Kept(), Kept()
    one.save(first)
    other.save(second)
    assert first.header == second.header
    assert first.arrays.keys() == second.arrays.keys()
    for name, array in first.arrays.items():
        assert array.dtype == second.arrays[name].dtype
        assert np.array_equal(array, second.arrays[name])


def labelled_results():
    """Yield results of data with every kind of label: text, dates, numbers, pairs, attributes."""
    xarray = pytest.importorskip("xarray")
    time = np.datetime64("2024-01-01", "ns") + np.arange(12) * np.timedelta64(1, "h")
    coords = {"time": time, "lat": [10.5, 20.0], "lon": ["a ", "é", "", "d"], "run": 7}
    field = xarray.DataArray(MATRIX.reshape(12, 2, 4), coords, ("time", "lat", "lon"))
    field = field.assign_coords(height=(("lat", "lon"), np.ones((2, 4), "f4"), {"units": "m"}))
    yield sketch.svd(field.stack(place=("lat", "lon")), 2)
    yield sketch.svd(field[:, 0].assign_coords(lead=("time", time - time[0])), 2)
    yield sketch.pca(field[:, 0], 2)
    yield sketch.tensor_train(field, 2)


def unlabelled_results():
    holes = MATRIX.copy()
    holes[3, 5] = np.nan
    yield from (make() for make, _ in RESULTS.values())
    yield sketch.pca(MATRIX, 3, passes=1).truncate(2)
    yield sketch.svd(MATRIX.astype("f4"), 3)
    yield sketch.TensorTrain.random((5,), 1)
    yield sketch.complete(holes, 1, ridge=1.0)


@pytest.mark.parametrize("suffix", [".npz", *READERS])
@pytest.mark.parametrize("results", [labelled_results, unlabelled_results])
def test_results_come_back_whole_from_every_format(results, suffix, tmp_path):
    if suffix in (".nc", ".zarr"):
        pytest.importorskip("xarray")
        pytest.importorskip(how(suffix)["engine"])
    step = 3 if suffix == ".mat" else 1  # each of which takes a process to read
    for k, result in enumerate(itertools.islice(results(), 0, None, step)):
        out, back = str(tmp_path / f"{k}{suffix}"), str(tmp_path / f"{k}.back.npz")
        save_as(result, out)
        same_results(sketch.load(out), result)
        if k == 0:
            assert main(["convert", out, back, "--quiet"]) == 0
            same_results(sketch.load(back), result)


@pytest.mark.parametrize("suffix", [".h5", ".mat", ".nc"])
def test_altered_results_of_other_formats_are_refused(suffix, tmp_path, capsys):
    pytest.importorskip("h5netcdf")
    path = tmp_path / f"r{suffix}"
    result = next(labelled_results())
    save_as(result, str(path))
    whole = path.read_bytes()
    chance = np.random.default_rng(0)
    for at in chance.integers(0, len(whole), 8 if suffix == ".mat" else 60):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << int(at) % 8]) + whole[at + 1 :])
        try:
            again = sketch.load(path)
        except sketch.StateFileError as error:
            assert str(path) in str(error)  # noqa: PT017
        else:
            same_results(again, result)  # a bit that means nothing
    path.write_bytes(whole)
    assert main(["info", str(path)]) == 0
    assert "LowRank(shape=(12, 8)" in capsys.readouterr().out


def test_changed_numbers_and_headers_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "r.h5"
    result = next(labelled_results())
    for change, text in (
        (lambda file: file["U"].write_direct(np.ones((12, 2))), "checksum of its arrays"),
        (lambda file: file.__delitem__("s"), "not a readable result"),
        (lambda file: file.attrs.update(sketch="{}"), "not one written by sketch"),
        (lambda file: file.attrs.update(sketch="]"), "not a readable result"),
    ):
        save_as(result, str(path))
        with h5py.File(path, "a") as file:
            change(file)
        with pytest.raises(sketch.StateFileError, match=text):
            sketch.load(path)
    with h5py.File(path, "w") as file:
        file["x"] = MATRIX
    with pytest.raises(sketch.StateFileError, match="not a readable sketch file"):
        sketch.load(path)


def test_altered_labels_are_refused(tmp_path):
    path = tmp_path / "r.npz"
    result = next(labelled_results())
    for change in (
        lambda about: about.update(dims=["time"]),
        lambda about: about.update(dims=["time", "time"]),
        lambda about: about.update(sizes=[12, 9]),
        lambda about: about.update(n_rows=-1),
        lambda about: about.update(more=1),
        lambda about: about["coords"].pop(),
        lambda about: about["coords"][0].update(dims=["nowhere"]),
        lambda about: about["coords"][0].update(attrs={"x": []}),
        lambda about: about["coords"][0].pop("name"),
    ):
        kept = Kept()
        result.save(kept)
        change(kept.header["labels"])
        archive.write(path, kept.header, kept.arrays)
        with pytest.raises(sketch.StateFileError, match=r"r\.npz"):
            sketch.load(path)


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".nc", ".mat"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_result_that_was_cut_is_named_by_every_command(suffix, share, tmp_path, capsys):
    if suffix == ".nc":
        pytest.importorskip("xarray")
        pytest.importorskip("h5netcdf")
    path = tmp_path / f"cut{suffix}"
    save_as(sketch.svd(np.diag(0.5 ** np.arange(60.0)), 5), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    out = str(tmp_path / "out.npz")
    for arguments in (["info"], ["merge"], ["convert"], ["svd"]):
        rest = {"merge": ["--out", out], "convert": [out], "svd": ["--rank", "2"]}
        assert main([*arguments, str(path), *rest.get(arguments[0], [])]) == 2
        assert str(path) in capsys.readouterr().err
