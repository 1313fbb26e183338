"""One class for each work, made from its declaration: asv finds them by their methods' names."""

from __future__ import annotations

import math
import os
from typing import Any

from cases import WORKS

from sketch.bench import Work

COUNT = {"smallest": 1, "quick": 2}.get(os.environ.get("SKETCH_BENCH", "quick"))  # of the sizes


class Case:
    """The methods of a work at its sizes: the first, the first two or all, by the mode."""

    work: Work
    params: tuple[list[str], list[Any]]
    param_names = ("method", "size")
    timeout = 600
    warmup_time = 0.0
    repeat = (1, 5, 20.0)
    number = 1

    def setup(self, method: str, size: tuple[Any, ...]) -> None:
        if method not in self.work.installed:
            raise NotImplementedError(f"{method} is not installed")  # so that asv skips it
        self.data = self.work.data(*size)
        self.call = self.work.methods[method].prepare(self.data)

    def _run(self, *params: Any) -> None:
        self.call()

    def _error(self, method: str, size: tuple[Any, ...]) -> float:
        if self.work.error is None or not self.work.methods[method].approximates:
            return math.nan
        return self.work.error(self.data)(self.call())


def benchmark(name: str, work: Work) -> type[Case]:
    """Return the class of a work."""
    measured = {"time_run": Case._run, "peakmem_run": Case._run, "track_error": Case._error}
    sizes = [list(work.methods), list(work.sizes[:COUNT])]
    class_name = name.title().replace("-", "")
    return type(class_name, (Case,), {"work": work, "params": sizes, **measured})


globals().update({made.__name__: made for made in map(benchmark, WORKS, WORKS.values())})
