"""The package of some commit, in a worktree, measured by the cases of today in a process.

The process does this file's `serve`: asked in lines of JSON for a call, it answers with the seconds
of processor time that the call took, its children's among them, and with the error of its result.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
THREADS = tuple(f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"))


class Package:
    """The package of a commit, which answers until it is closed; of one thread unless told."""

    def __init__(self, commit: str, threads: str = "1") -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="sketch-commit-")
        git("worktree", "add", "--detach", "--force", self.folder.name, commit)
        environment = {**os.environ, "PYTHONPATH": self.folder.name}
        environment |= dict.fromkeys(THREADS, threads)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or each import compiles all files
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            env=environment,
            cwd=self.folder.name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Package:
        return self

    def ask(self, work: str, place: int, method: str, error: bool = False) -> dict[str, Any]:
        """Return what a method of a work took, at one of its sizes, or why it failed."""
        there, back = self.process.stdin, self.process.stdout
        assert there is not None
        assert back is not None
        print(json.dumps([work, place, method, error]), file=there, flush=True)
        return json.loads(back.readline())

    def __exit__(self, *_: object) -> None:
        self.process.communicate()  # closes its input, at which it ends
        git("worktree", "remove", "--force", self.folder.name)


def git(*arguments: str) -> str:
    """Return what git says."""
    command = ["git", "-C", str(HERE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# ---- in the process ------------------------------------------------------------------------------


def serve() -> None:
    """Answer until the input ends."""
    from cases import WORKS

    channel, sys.stdout = sys.stdout, sys.stderr
    held: dict[tuple[str, int], Any] = {}
    for line in sys.stdin:
        name, place, method, wants_error = json.loads(line)
        try:
            if (name, place) not in held:
                held.clear()  # of the work before
                held[name, place] = WORKS[name].data(*WORKS[name].sizes[place])
            answer = called(WORKS[name], held[name, place], method, wants_error)
        except Exception as error:  # what an old commit could not do
            traceback.print_exc(limit=1)
            answer = {"failed": repr(error)}
        print(json.dumps(answer), file=channel, flush=True)


def called(work: Any, data: Any, method: str, wants_error: bool) -> dict[str, float | None]:
    """Return the processor seconds of one call, and its error where it is asked for."""
    call = work.methods[method].prepare(data)
    if work.before:
        work.before(data)
    start = spent()
    result = call()
    seconds, error = spent() - start, None
    if wants_error and work.error and work.methods[method].approximates:
        error = float(work.error(data)(result))
    return {"seconds": seconds, "error": error}


def spent() -> float:
    """Return the processor time of this process and of its children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + used.ru_utime + used.ru_stime


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve()
