"""Children of forks, places that cannot be written, and interrupts while a file is written."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import sketch

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without forks")
PACKAGES = str(Path(sketch.__file__).parents[1])

WORK = """
import os, sys
import numpy as np, scipy.sparse as sp
import sketch
from sketch.numerics import kernels

kernels._COMPILE_FROM = kernels._COMPILED_ENTRIES = 0
rng = np.random.default_rng(0)
dense = rng.standard_normal((64, 40))
few = sp.random_array((64, 40), density=0.3, rng=rng, format="csr")
cube = sp.random_array((8, 9, 10), density=0.3, rng=rng)

def work(_=None):
    family = sketch.SparseSign(4)
    whole = sketch.svd(few, 40).to_array(), sketch.svd(few, 40, test_matrix="gaussian").to_array()
    hashed = sketch.svd(dense, 40, power_iters=0.5, test_matrix=family).to_array()
    train = sketch.tensor_train(cube, (8, 10)).to_array()
    found = [*whole, hashed, train]
    wanted = [few.toarray(), few.toarray(), dense, cube.toarray()]
    return all(np.allclose(a, b, atol=1e-8) for a, b in zip(found, wanted))
"""


def run(code: str, **environment: str) -> str:
    """Return what a program prints in a process of its own."""
    kept = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WORK + textwrap.dedent(code)],
        env={**kept, "PYTHONPATH": PACKAGES, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@forks
@pytest.mark.parametrize("locked", [False, True])
def test_children_compute_whoever_compiled_first(locked):
    pytest.importorskip("numba")
    code = f"""
    import concurrent.futures, multiprocessing, signal

    def fork(job):
        sys.stdout.flush()
        child = os.fork()
        if not child:
            signal.alarm(60)
            os._exit(0 if job() else 3)
        return os.waitpid(child, 0)[1] == 0

    said = [fork(work), work(), fork(work), fork(lambda: fork(work) and work()), work()]
    if {locked}:
        with kernels._ONE_AT_A_TIME:  # as by another thread
            said.append(fork(work))
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        said += pool.map(work, range(3))
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        said += pool.map(work, range(3))
    print(said)
    """
    assert run(code).strip() == str([True] * (12 if locked else 11))


@forks
def test_threads_that_others_started_before_the_fork_are_known():
    pytest.importorskip("numba")
    code = """
    import multiprocessing, numba
    from sketch.running import fork

    @numba.njit(parallel=True)
    def others(x):
        for i in numba.prange(len(x)):
            x[i] += 1

    def lost(_):  # a worker that imports the package only now
        for name in [name for name in sys.modules if name.startswith("sketch")]:
            del sys.modules[name]
        from sketch.running import fork

        return fork.threads_are_lost()

    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        print(pool.map(lost, [0]), fork.threads_are_lost())
    others(np.zeros(9))
    with context.Pool(1) as pool:
        print(pool.map(work, [0]), pool.map(lost, [0]), fork.threads_are_lost())
    """
    assert run(code).split() == ["[False]", "False", "[True]", "[True]", "False"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_ways_to_start_a_process_have_threads_of_their_own(method, tmp_path):
    pytest.importorskip("numba")
    (tmp_path / "module_of_work.py").write_text(WORK)
    code = f"""
    import multiprocessing
    sys.path.insert(0, {str(tmp_path)!r})
    import module_of_work

    if __name__ == "__main__":
        with multiprocessing.get_context({method!r}).Pool(1) as pool:
            print(work(), pool.map(module_of_work.work, range(2)))
    """
    if method == "forkserver" and not hasattr(os, "fork"):
        pytest.skip("a system without forks")
    assert run(code).split() == ["True", "[True,", "True]"]


@pytest.mark.parametrize("state", ["no place", "damaged", "switched off"])
def test_loops_need_no_cache(state, tmp_path):
    pytest.importorskip("numba")
    place = tmp_path / "cache"
    environment = {"NUMBA_CACHE_DIR": str(place), "HOME": os.devnull, "XDG_CACHE_HOME": os.devnull}
    if state == "no place":
        place.write_text("a file where a folder should be")
        environment["NUMBA_CACHE_LOCATOR_CLASSES"] = "UserProvidedCacheLocator"
    if state == "switched off":
        environment["NUMBA_DISABLE_JIT"] = "1"
    few = "print(np.allclose(kernels.csr_product(few, dense[:40]), few @ dense[:40]))"
    assert run(few, **environment).split() == ["True"]
    if state == "damaged":
        files = [file for file in place.rglob("*") if file.is_file()]
        assert files
        for file in files:
            file.write_bytes(file.read_bytes()[:20])
        assert run(few, **environment).split() == ["True"]


@pytest.fixture
def uncollected():
    """No collection of garbage, which may call anything that other tests left behind."""
    gc.disable()
    yield
    gc.enable()


def is_silent(frame):
    """Whether what is raised here is printed instead: below `__del__`."""
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


# where the interrupt comes between open and what closes it, the file is closed when it is forgotten
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_whatever_interrupts_a_save_comes_out_and_the_old_file_stays(tmp_path, uncollected):
    path = tmp_path / "state.npz"
    sk = sketch.GeneralizedNystrom((9, 8), 2)
    sk.update(np.ones((9, 8)))
    sk.save(path)
    old = sketch.load(path)

    def save(stop, error):
        """Save, and raise at one of all the lines that are run meanwhile; return their number."""
        lines, raised = 0, False
        old.save(path)

        def trace(frame, event, argument):
            nonlocal lines, raised
            lines += 1
            if lines >= stop and not raised and not is_silent(frame):
                raised = True
                raise error
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            sk.save(path)
        finally:
            sys.settrace(before)
        return lines

    total, held = save(sys.maxsize, None), set()
    sk.update(np.ones((9, 8)))
    for stop in [*range(1, total - 50, 31), *range(total - 50, total)]:
        for error in (KeyboardInterrupt(), MemoryError()):
            with contextlib.suppress(type(error)):
                assert save(stop, error) < stop  # names are random: their number changes a little
            assert list(tmp_path.iterdir()) == [path]
            held.add(sketch.load(path).n_updates)
    assert held == {1, 2}  # some interrupts came after the file was in its place


@pytest.mark.parametrize("overwritten", [False, True])
def test_a_distribution_of_the_same_import_name_is_named(overwritten, tmp_path):
    home = tmp_path / "site-packages"
    shutil.copytree(Path(sketch.__file__).parent, home / "sketch")
    (home / "sketch-0.5.2.dist-info").mkdir()
    if overwritten:
        (home / "sketch" / "results" / "__init__.py").write_text("")
    code = f"import sys; sys.path.insert(0, {str(home)!r}); import sketch"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == int(overwritten)
    assert "the distribution sketch-0.5.2 installs a package `sketch` too" in done.stderr
    assert ("SketchWarning" in done.stderr) == (not overwritten)
    shutil.rmtree(home / "sketch-0.5.2.dist-info")
    if not overwritten:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
