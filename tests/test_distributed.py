"""Clusters: an active client suffices, lost workers change nothing, workers open the files."""

from __future__ import annotations

import os
import signal
import threading
import time

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

import sketch
from sketch.cli import main

RNG = np.random.default_rng(0)
MATRIX = (RNG.standard_normal((400, 20)) * 0.5 ** np.arange(20)) @ RNG.standard_normal((20, 90))

pytestmark = pytest.mark.filterwarnings("default")  # of the cluster: ports, sockets, old loops


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def sums(sk):
    return {name: part.values for name, part in sk.accumulator.state.parts.items()}


def slow(block):
    time.sleep(0.05)
    return block


def nystrom(x):
    sk = sketch.GeneralizedNystrom(x.shape, rank=4)
    sk.update(x)
    return sums(sk)


def stta(x):
    sk = sketch.STTA(x.shape, rank=3)
    sk.update(x)
    return sums(sk)


def gram(x):
    sk = sketch.GramNystrom(x.shape[1], rank=3)
    sk.update(x)
    return sums(sk)


@pytest.mark.parametrize("make", [nystrom, stta, gram])
def test_the_same_bits_as_in_this_process(make, client):
    x = da.from_array(MATRIX, chunks=(37, 90))
    there = make(x)
    with dask.config.set(scheduler="synchronous"):
        here = make(x)
    assert all(np.array_equal(part, here[name]) for name, part in there.items())


@pytest.mark.parametrize("method", ["nystrom", "hmt"])
def test_the_left_factor_stays_with_the_workers(method, client):
    x = da.from_array(MATRIX, chunks=(37, 50))
    result = sketch.svd(x, 4, method=method)
    held = client.who_has()
    assert any(key.startswith("product") for key in map(str, held))
    assert result.U.chunks[0] == x.chunks[0]
    exact = sketch.svd(MATRIX, 4, method=method)
    assert np.allclose(result.s, exact.s, rtol=1e-11)
    gap = np.asarray(result.to_array()) - exact.to_array()
    assert np.linalg.norm(gap) < 1e-10 * exact.norm()


@pytest.mark.parametrize("make", [nystrom, stta])
def test_a_killed_worker_changes_no_bit(make, client):
    """Killed in the middle, the tree of sums is what it would have been."""
    x = da.from_array(MATRIX, chunks=(10, 45)).map_blocks(slow, dtype=MATRIX.dtype)
    undisturbed = make(x)
    victim = next(iter(client.run(os.getpid).values()))
    killer = threading.Timer(0.8, os.kill, (victim, signal.SIGKILL))
    killer.start()
    begun = time.monotonic()
    disturbed = make(x)
    killer.join()
    assert time.monotonic() - begun > 0.8  # the kill came in the middle
    assert victim not in client.run(os.getpid).values()
    assert all(np.array_equal(part, undisturbed[name]) for name, part in disturbed.items())


@pytest.mark.parametrize("command", ["svd", "tt"])
def test_the_command_line_works_on_a_running_cluster(command, client, tmp_path, capsys):
    path = str(tmp_path / "a.npy")
    np.save(path, MATRIX)
    out = str(tmp_path / "result.npz")
    address = client.scheduler.address
    arguments = [command, path, "--rank", "4", "--scheduler", address, "--no-progress"]
    assert main([*arguments, "--out", out]) == 0
    assert "rel. error" in capsys.readouterr().out
    exact = sketch.svd(MATRIX, 4)
    gap = sketch.load(out).to_array() - exact.to_array()
    assert np.linalg.norm(gap) < 1e-2 * exact.norm()


def test_progress_is_told_on_a_cluster(client, capsys):
    x = da.from_array(MATRIX, chunks=(100, 90))
    sketch.GeneralizedNystrom(x.shape, rank=4).update(x, progress=True)
    assert "Completed" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a.mtx", "missing.npy"])
def test_files_that_workers_cannot_slice_are_refused(name, client, tmp_path, capsys):
    (tmp_path / "a.mtx").write_text("%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 2\n")
    arguments = ["svd", str(tmp_path / name), "--rank", "1"]
    assert main([*arguments, "--scheduler", client.scheduler.address]) == 2
    assert "sketch: error" in capsys.readouterr().err


def test_a_scheduler_that_is_not_there_is_told(tmp_path, capsys, monkeypatch):
    np.save(tmp_path / "a.npy", MATRIX)
    monkeypatch.setattr("sketch.running.tasks.PATIENCE", 0.5)
    arguments = ["svd", str(tmp_path / "a.npy"), "--rank", "1", "--scheduler", "tcp://127.0.0.1:9"]
    assert main(arguments) == 2
    assert "cannot be reached" in capsys.readouterr().err
