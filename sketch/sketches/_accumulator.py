"""What a sketch object shows: a spec, its test matrices, one state, and where they live."""

from __future__ import annotations

import contextlib
import operator
import secrets
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Self

from .._checks import checked_flag, checked_tol
from ..backend.array import Array, quiet
from ..backend.protocols import Number
from ..errors import IncompatibleSketchError, PassError, SpectrumWarning, warn
from ..formats import Axes, with_axes, with_passes, with_seeds
from ..running.memory import block_limit
from ..running.tasks import one_blas_thread_each
from ._in_process import InProcess
from ._independence import warn_of_seed
from ._method import AnyMethod
from ._parallel import OnDask
from ._passes import complete, ended
from ._placement import Place, check_filled, current_shape, offset
from ._running import AnyRun, Memo, Run
from ._state import State, Stream, same_kept
from ._sums import Sums


class Accumulator:
    """One state of one spec, replaced as a whole.

    A new state is made beside the old one and put in its place at once, so that whatever is
    refused, interrupted or fails leaves the old one, and several threads may add.

    Parameters
    ----------
    spec : Method
    home : array or None
        An array that lives where the sums shall.
    state : State, optional
        By default that of no data.

    Attributes
    ----------
    maps : mapping
        The test matrices or tensors by name.
    memo : Memo
        Contractions of these, from pass to pass.
    """

    def __init__(self, spec: AnyMethod, home: Array | None, state: State | None = None) -> None:
        self.spec, self.home = spec, home
        self.state = State(seen=(0,) * len(spec.shape)) if state is None else state
        self._draw(spec.maps())

    def _draw(self, maps: Mapping[str, object]) -> None:
        self.maps, self.memo = maps, Memo()
        self._committing, self._appending = threading.RLock(), threading.RLock()

    def holding(self, state: State) -> Self:
        """Return an accumulator of the same spec, in the same place, with a state."""
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.state = state
        new._draw(self.maps)
        return new

    def __getstate__(self) -> dict[str, object]:
        follow_from_spec = ("maps", "memo", "_committing", "_appending")
        return {k: v for k, v in self.__dict__.items() if k not in follow_from_spec}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._draw(self.spec.maps())

    @property
    def shape(self) -> Place:
        """Shape of the data, as it is now where an axis grows."""
        return current_shape(self.spec, self.state)

    # ---- data in ----------------------------------------------------------------------------

    def placing(self, at: object) -> contextlib.AbstractContextManager[object]:
        """Keep other threads from appending while a chunk is, whose place depends on them."""
        return self._appending if at is None else contextlib.nullcontext()

    def contribution(
        self,
        chunk: object,
        at: object = None,
        *,
        check_finite: bool = True,
        memory: int | str | None = None,
        progress: bool = False,
        stays: bool = False,
    ) -> State:
        """Return the state of a chunk alone, in its place; see `Sketch.update`.

        What follows the rows of a Dask array `stays` where these are, or is gathered.
        """
        check_finite = checked_flag(check_finite, "check_finite")
        progress = checked_flag(progress, "progress")
        warn_of_seed(self.spec.seed, chunk)
        state, source = self.state, self.spec.as_source(chunk)
        start = offset(self.spec, state, at, source.shape)
        run = self.run(state, check_finite=check_finite)
        size = tuple(size or 0 for size in source.shape)
        run.check_inside(start, size)
        limit = None
        if memory is not None:
            needed = self.spec.bytes_needed(tuple(map(operator.add, start, size)), self.maps)
            limit = block_limit(memory, needed)
        array = source.dask_array
        executor = InProcess(run, source, limit) if array is None else OnDask(run, array)
        delta = executor.state(start, progress=progress)
        if delta.blocks and (not stays or 0 in size):
            delta = delta.gathered()
        if at is None:
            check_filled(self.spec, state, delta)
        columns = None if source.axes is None else self._columns(source.axes)
        return delta.having(n_updates=1, columns=columns)

    def _columns(self, axes: Axes) -> Axes | None:
        """Return the names and labels of a chunk's columns, where it has them whole."""
        if not axes.fit((axes.sizes[0], *(n or 0 for n in self.spec.shape[1:]))):
            return None
        return axes.of_columns()

    def run(self, state: State, *, check_finite: bool = True) -> AnyRun:
        """Return the run of a chunk through the pass that a state is in."""
        return Run(
            self.spec,
            self.maps,
            passes=state.passes,
            home=self.home,
            hint=self.spec.hint(state),
            follow_norm=self.spec.follows_norm and state.may_follow_norm,
            memo=self.memo,
            check_finite=check_finite,
        )

    def commit(self, delta: State, *, fading: float = 1.0, stream: Stream | None = None) -> None:
        """Add the state of further data, and put the sum in the place of the state."""
        with self._committing, quiet():
            before = self.state if fading == 1.0 else self.times(self.state, fading)
            after = self.spec.total(before, delta, spent=True)
            shares = after.shares
            if not shares and delta.dtype is not None:
                shares = frozenset([secrets.token_hex(8)])
            self.state = after.having(shares=shares, stream=stream or before.stream)

    # ---- sums of states ---------------------------------------------------------------------

    def merge(self, theirs: State, again: bool) -> None:
        """Add a state of other data; see `Sketch.merge`."""
        again = checked_flag(again, "again")
        with self._committing:
            common = self.state.shares & theirs.shares
            if common and not again:
                raise IncompatibleSketchError(
                    f"both sketches hold the same share of the data ({', '.join(sorted(common))}), "
                    "which would count twice; leave one of them out, or have the library count it "
                    "so: merge(other, again=True)"
                )
            self.add(theirs)

    def add(self, theirs: State) -> None:
        """Add a state of data that may be the same.

        Raises
        ------
        IncompatibleSketchError
            If the two are in different passes, or after passes over different data.
        """
        with self._committing:
            if theirs.passes.done != self.state.passes.done or not same_kept(self.state, theirs):
                raise IncompatibleSketchError(
                    "sketches can be merged within one pass only: these are in pass "
                    f"{self.state.passes.done + 1} and {theirs.passes.done + 1}, or have ended "
                    "the pass before with other data. Merge all parts, call end_pass() once, and "
                    "hand out copies"
                )
            with quiet():
                after = self.spec.total(self.state, theirs)
            self.state = after.having(stream=self.state.stream)

    def subtract(self, theirs: State) -> None:
        """Subtract a state of data that may be among ours."""
        with self._committing:
            shares = self.state.shares
            self.add(self.times(theirs, -1.0))
            if theirs.shares <= shares:
                self.state = self.state.having(shares=shares - theirs.shares)

    def times(self, state: State, factor: Number) -> State:
        """Return the state of the data multiplied by a number."""
        if state.passes.done and factor != 1:
            raise PassError(
                f"a {self.spec.sketch_type.__name__} sketch can be scaled in its first pass only; "
                "scale the result instead"
            )
        with quiet():
            return self.spec.times(state, factor)

    # ---- passes and results -----------------------------------------------------------------

    def sums(self, state: State | None = None) -> Sums:
        """Return the sums of the state, or of another one, over whole axes."""
        state = self.state if state is None else state
        return Sums(self.spec, self.maps, state, current_shape(self.spec, state), self.home)

    def end_pass(self) -> None:
        """Replace the state by the one that the next pass begins with."""
        with self._committing, _calm(self.state):
            self.state = ended(self.sums())

    def complete(self) -> Sums:
        """Return the sums of the last pass; refuse while passes are missing."""
        with _calm(self.state):
            return self.sums(complete(self.sums()))

    def begin(self, state: State) -> None:
        """Take a state in the place of that of no data.

        Raises
        ------
        PassError
            If there were data.
        """
        if self.state.passes.readings or self.state.n_updates:
            raise PassError("a first pass can be given before it has begun only")
        self.state = state

    def for_one_more(self, sums: Sums) -> Accumulator:
        """Return what takes a further reading, where the result of complete sums is blurred."""
        further = self.spec.further(sums)
        return self if further is None else Accumulator(further[0], self.home, further[1])

    def is_blurred(self, sums: Sums, rank: object, tol: float | None) -> bool:
        """Whether a further reading of data at hand would tell more than the sums."""
        with _calm(sums.state):
            return self.spec.blur(sums, rank, tol, slight=True) is not None

    def finish(self, sums: Sums, rank: object, tol: float | None, advice: str) -> Any:
        """Return the result of sums, and warn with an advice of what a reading would tell."""
        tol = checked_tol(tol)
        with _calm(sums.state):
            blur = self.spec.blur(sums, rank, tol)
            result = self.spec.finish(sums, rank, tol)
        if blur is not None:
            warn(f"{blur}; {advice}", SpectrumWarning)
        self.name(result)
        with_passes(result, sums.readings)
        return with_seeds(result, (self.spec.seed,))

    def name(self, result: Any) -> None:
        """Give a new result the names of columns that the data came with."""
        if self.state.columns is not None:
            with_axes(result, self.state.columns.with_rows(result.shape[0]))


@contextlib.contextmanager
def _calm(state: State) -> Iterator[None]:
    """Silence what is checked afterwards, and keep BLAS to a thread where tasks have the others."""
    with quiet(), one_blas_thread_each() if state.is_in_tasks else contextlib.nullcontext():
        yield
