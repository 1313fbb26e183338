"""The sketch object: a spec, a state, and where they live. Written once for all methods."""

from __future__ import annotations

import contextlib
import dataclasses
import operator
import os
import secrets
import threading
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Self, TypeVar

from ..backend.array import place, quiet, to_host
from ..errors import IncompatibleSketchError, NonFiniteError, PassError, SpectrumWarning, warn
from ..files import archive
from ..formats import with_passes, with_seeds
from ..numerics.linalg import plain_number
from ..running.memory import block_limit
from ._independence import warn_of_seed
from ._method import Method
from ._parallel import run_on_dask
from ._placement import check_filled, current_shape, offset
from ._running import Memo, Run
from ._saved import arrays_of, header_of, restored
from ._state import Passes, State, Stream, same_kept
from ._stream import follow
from ._sums import Sums

Result = TypeVar("Result")

_READ_AGAIN = "feed the data once more, end the pass and finalize again"


class Sketch(Generic[Result]):
    """A sketch of a matrix or tensor that arrives in chunks.

    It holds its `spec` and one state: a few named sums of chunk products. Every sum is linear in
    the data: chunks may come in any order and any partition, and overlapping ones add up. A new
    state is made beside the old one and put in its place at once, so that whatever is refused,
    interrupted or fails leaves the sketch as it was, and several threads may use it.

    Attributes
    ----------
    spec : Method
        The frozen description; sketches with equal specs can be combined.
    """

    spec_type: ClassVar[type[Any]]
    kinds: ClassVar[dict[str, type[Sketch[Any]]]] = {}
    """All classes of sketches by name, as state files name them."""

    spec: Any

    def __init_subclass__(cls) -> None:
        Sketch.kinds[cls.__name__] = cls
        if "spec_type" in vars(cls):
            cls.spec_type.sketch_type = cls

    def _set_up(self, spec: Method, device: Any = None) -> None:
        self.spec = spec
        self._home = place(device)
        self._maps = spec.maps()
        self._memo = Memo()
        self._state = State(seen=(0,) * len(spec.shape))
        self._unlocked()

    def _unlocked(self) -> None:
        self._committing, self._appending = threading.RLock(), threading.RLock()

    @classmethod
    def from_spec(cls, spec: Any, device: Any = None) -> Self:
        """Return an empty sketch with the given spec, told where to live like any other."""
        if not isinstance(spec, cls.spec_type):
            raise TypeError(f"{cls.__name__} needs a {cls.spec_type.__name__}, got {spec!r}")
        sketch = cls.__new__(cls)
        sketch._set_up(spec, device)
        return sketch

    def settle(self, device: Any) -> None:
        """Say where an empty or a loaded sketch lives from now on; its sums must be there."""
        self._home = place(device)

    # ---- sizes ------------------------------------------------------------------------------

    @property
    def maps(self) -> Mapping[str, Any]:
        """The test matrices or tensors, by name, whose rows are drawn when they are asked for."""
        return MappingProxyType(self._maps)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the data, as it is now where an axis grows."""
        return current_shape(self.spec, self._state)

    @property
    def covered(self) -> tuple[tuple[int, int], ...]:
        """Where the data begin and end on each axis; nothing where rows have no places."""
        state, axes = self._state, self.spec.sums(self._state.passes)
        parts = [(axes[name].axis, part) for name, part in state.parts.items()]
        windows = [[part for axis, part in parts if axis == k] for k in range(len(state.seen))]
        if not all(windows):
            return ()
        return tuple((min(p.start for p in w), max(p.stop for p in w)) for w in windows)

    @property
    def nbytes(self) -> int:
        """Bytes held by the sums."""
        return self._state.nbytes

    @property
    def n_updates(self) -> int:
        """Number of chunks taken so far, merged sketches included."""
        return self._state.n_updates

    @property
    def position(self) -> int:
        """Rows taken by `consume`, or slices along the axis that grows.

        Saved with the state; a merge keeps that of the sketch that is merged into.
        """
        return self._state.stream.position

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec!r})  # {self.n_updates} updates"

    # ---- data in ----------------------------------------------------------------------------

    def update(
        self,
        chunk: Any,
        at: tuple[int, ...] | int | None = None,
        *,
        check_finite: bool = True,
        memory: int | str | None = None,
        progress: bool = False,
    ) -> None:
        """Add a chunk of the data.

        Parameters
        ----------
        chunk : array, sparse matrix or tensor, structured tensor, operator, stored dataset or sum
            As many axes as the data. Read once: files along their own chunks and one block ahead,
            the chunks of a Dask array in parallel, by the scheduler that is active.
        at : sequence of int or int, optional
            Where the chunk's first entry is; an integer is a row. May be left out where the chunk
            fills all axes of known size; it then goes after the last one on an axis that grows. Of
            a shape that is known, the first chunk may be smaller and goes to the beginning.
        check_finite : bool
            Refuse NaN and infinity. They are looked for in the products, at no pass over the data.
        memory : int or str, optional
            Bytes to stay within beside what the process holds already, as a number or ``"2GB"``:
            what is read or converted comes in blocks that are small enough. The chunks of a Dask
            array are as large as they are.
        progress : bool
            Show a progress bar.

        Raises
        ------
        ShapeError
            If the chunk does not lie within the sketch's shape, or needs a place.
        DtypeError
            If the chunk cannot be computed with, or is complex and the spec's dtype real.
        NonFiniteError
            If the chunk holds NaN or infinity, or products overflow.
        MemoryBudgetError
            If the sums alone need more than `memory`.

        Notes
        -----
        An update that is refused, fails or is interrupted leaves the sketch exactly as it was.
        Threads may update one sketch: chunks that are appended go one after the other.
        """
        with self._placing(at):
            delta = self._contribution(chunk, at, check_finite, memory, progress)
            self._commit(delta)

    def _placing(self, at: Any) -> contextlib.AbstractContextManager[Any]:
        """Keep other threads from appending while a chunk is, whose place depends on them."""
        return self._appending if at is None else contextlib.nullcontext()

    def _contribution(
        self,
        chunk: Any,
        at: Any,
        check_finite: bool,
        memory: Any,
        progress: bool,
        stays: bool = False,
    ) -> State:
        """Return the state of a chunk alone, in its place.

        What follows the rows of a Dask array `stays` where these are, or is gathered.
        """
        warn_of_seed(self.spec.seed, chunk)
        state, source = self._state, self.spec.as_source(chunk)
        start = offset(self.spec, state, at, source.shape)
        run = self._run(state)
        size = tuple(size or 0 for size in source.shape)
        run.check_inside(start, size)
        needed = self.spec.bytes_needed(tuple(map(operator.add, start, size)), self._maps)
        limit = block_limit(memory, needed)
        if source.dask_array is not None:
            delta = run_on_dask(run, source.dask_array, start, check_finite, progress)
            delta = delta if stays else delta.gathered()
        else:
            delta = run.over(
                source, start, limit=limit, check_finite=check_finite, progress=progress
            )
        if at is None:
            check_filled(self.spec, state, delta)
        return delta.having(n_updates=1)

    def _run(self, state: State) -> Run:
        """Return the run of a chunk through the pass that a state is in."""
        return Run(
            self.spec,
            self._maps,
            passes=state.passes,
            home=self._home,
            hint=self.spec.hint(state),
            follow_norm=self.spec.follows_norm and not state.passes.done and state.dtype is None,
            memo=self._memo,
        )

    def _commit(
        self,
        delta: State,
        *,
        fading: float = 1.0,
        stream: Stream | None = None,
    ) -> None:
        """Add the state of further data, and put the sum in the place of the state."""
        with self._committing:
            before = self._state if fading == 1.0 else self._times(self._state, fading)
            with quiet():
                after = self.spec.total(before, delta, spent=True)
            shares = after.shares
            if not shares and delta.dtype is not None:
                shares = frozenset([secrets.token_hex(8)])
            self._state = after.having(shares=shares, stream=stream or before.stream)

    def consume(
        self,
        chunks: Iterable[Any],
        *,
        first: int | None = None,
        resume: bool = False,
        forgetting: float = 1.0,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int = 1,
        check_finite: bool = True,
        memory: int | str | None = None,
        progress: bool = False,
    ) -> None:
        """Take the chunks of a stream one after the other.

        Only the chunk at hand is held. A stream that was interrupted is resumed by loading the
        checkpoint and consuming the same stream again, in chunks of any size: the rows that were
        taken before are skipped, and compared with those that come.

        Parameters
        ----------
        chunks : iterable
            Of chunks, placed one after the other on the axis that grows, or of pairs
            ``(at, chunk)``.
        first : int, optional
            Row of the stream at which the iterable begins, for streams that can be opened in the
            middle: ``sk.consume(read_from(sk.position), first=sk.position)``.
        resume : bool
            Whether the iterable begins where the stream does, so that the first `position` rows are
            skipped. A sketch that was loaded resumes without being told, in its first call.
        forgetting : float
            Factor in (0, 1] that multiplies all data before each chunk, so that data of t chunks
            ago count ``forgetting ** t``.
        checkpoint : path-like, optional
            File that the state is written to. It holds the old state or the new one, whenever the
            process is killed, and is up to date when the call ends, by an error or an interrupt
            too.
        every : int
            Chunks between two checkpoints.
        check_finite : bool
            Refuse NaN and infinity.
        memory : int or str, optional
            Budget of each update; see `update`.
        progress : bool
            Show a progress bar, which needs no known end.

        Raises
        ------
        ShapeError
            If a chunk does not fit, or the iterable begins after the sketch's position.
        PassError
            If the stream is not the one that was followed before, or ends before its position.
        NonFiniteError
            If a chunk holds NaN or infinity; the chunks before it are kept.

        Warns
        -----
        PlacementWarning
            If chunks that are placed by a number lie on top of each other.

        Examples
        --------
        >>> import numpy as np, os, sketch, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "state.npz")
        >>> rows = np.random.default_rng(0).standard_normal((60, 8))
        >>> sk = sketch.GeneralizedNystrom((None, 8), rank=2)
        >>> sk.consume(np.split(rows[:30], 3), checkpoint=path)
        >>> sk = sketch.load(path)  # on another day
        >>> sk.consume(np.split(rows, 4), checkpoint=path)
        >>> sk.shape, sk.position
        ((60, 8), 60)
        """
        follow(
            self,
            chunks,
            first=first,
            resume=resume,
            forgetting=forgetting,
            checkpoint=checkpoint,
            every=every,
            options={"check_finite": check_finite, "memory": memory, "progress": False},
            progress=progress,
        )

    # ---- sums of sketches -------------------------------------------------------------------

    def merge(self, other: Self, *, again: bool = False) -> None:
        """Add another sketch of the same spec: the sketch of the sum of both data.

        Parameters
        ----------
        other : Sketch
            Of several passes: in the same pass, after equal ones.
        again : bool
            Whether data that are in both may count twice.

        Raises
        ------
        IncompatibleSketchError
            If the specs differ, and with them the test matrices, or the passes so far; or if both
            hold the same share of the data, a state and a copy of it for example.
        """
        self._check_compatible(other)
        theirs = other._state
        with self._committing:
            common = self._state.shares & theirs.shares
            if common and not again:
                raise IncompatibleSketchError(
                    f"both sketches hold the same share of the data ({', '.join(sorted(common))}), "
                    "which would count twice; leave one of them out, or pass again=True where that "
                    "is meant"
                )
            self._add(theirs)

    def _add(self, theirs: State) -> None:
        with self._committing:
            if theirs.passes.done != self._state.passes.done or not same_kept(self._state, theirs):
                raise IncompatibleSketchError(
                    "sketches can be merged within one pass only: these are in pass "
                    f"{self._state.passes.done + 1} and {theirs.passes.done + 1}, or have ended "
                    "the pass before with other data. Merge all parts, call end_pass() once, and "
                    "hand out copies"
                )
            with quiet():
                after = self.spec.total(self._state, theirs)
            self._state = after.having(stream=self._state.stream)

    def _check_compatible(self, other: Any) -> None:
        if type(other) is not type(self):
            raise IncompatibleSketchError(
                f"cannot combine a {type(self).__name__} with a {type(other).__name__}"
            )
        if other.spec != self.spec:
            differing = [
                f"{name}: {mine!r} and {theirs!r}"
                for name, mine in self.spec.to_header().items()
                if mine != (theirs := other.spec.to_header()[name])
            ]
            raise IncompatibleSketchError(
                "sketches can be combined only where their specs are equal, and with them their "
                f"test matrices; these differ in {'; '.join(differing)}"
            )

    def _with(self, state: State) -> Self:
        """Return a sketch of the same spec, in the same place, with a state."""
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._state, new._memo = state, Memo()
        new._unlocked()
        return new

    def copy(self) -> Self:
        """Return an independent copy; it costs nothing."""
        return self._with(self._state)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Self:
        return self.copy()

    def _times(self, state: State, factor: Any) -> State:
        """Return the state of the data multiplied by a number."""
        if state.passes.done and factor != 1:
            raise PassError(
                f"a {type(self).__name__} sketch can be scaled in its first pass only; scale the "
                "result instead"
            )
        with quiet():
            scaled: State = self.spec.times(state, factor)
        return scaled

    def __mul__(self, factor: Any) -> Self:
        try:
            number = plain_number(factor)
        except (TypeError, ValueError):
            return NotImplemented
        if number != number or abs(number) == float("inf"):
            raise NonFiniteError(f"a sketch cannot be scaled by {factor}")
        return self._with(self._times(self._state, number))

    __rmul__ = __mul__
    __array_ufunc__ = None  # a NumPy number times a sketch is a sketch

    def __truediv__(self, divisor: Any) -> Self:
        return self.__mul__(1 / divisor)

    def __neg__(self) -> Self:
        return self * -1.0

    def __add__(self, other: Any) -> Self:
        if isinstance(other, int) and other == 0:  # sum([...]) begins with 0
            return self.copy()
        if not isinstance(other, Sketch):
            return NotImplemented
        self._check_compatible(other)
        total = self.copy()
        total._add(other._state)
        return total

    __radd__ = __add__

    def __sub__(self, other: Any) -> Self:
        if not isinstance(other, Sketch):
            return NotImplemented
        self._check_compatible(other)
        rest = self.copy()
        rest._add(self._times(other._state, -1.0))
        if other._state.shares <= self._state.shares:
            shares = self._state.shares - other._state.shares
            rest._state = rest._state.having(shares=shares)
        return rest

    # ---- result -----------------------------------------------------------------------------

    def finalize(self, rank: Any = None, tol: float | None = None) -> Result:
        """Return the result that the sums determine, with its error; the stream may go on.

        Parameters
        ----------
        rank : int, or sequence of int for a train, optional
            Of the result, at most the width of the sketch; by default the spec's.
        tol : float, optional
            The smallest rank whose estimated relative error is at most `tol`.

        Returns
        -------
        LowRank, TensorTrain or PrincipalComponents
            In the precision of the data.

        Raises
        ------
        RankError
            If `rank` is negative or more than the sketch holds.
        PassError
            If passes are missing, or the last one saw other data than the first.
        ShapeError
            If there are no rows to have components.

        Warns
        -----
        ToleranceWarning
            If no rank that the sketch holds meets `tol`.
        SpectrumWarning
            If principal components are smaller than rounding errors, or one reading of steep data
            hides singular values that a further one would tell.
        """
        return self._finished(self._sums(self._ended_state()), rank, tol, _READ_AGAIN)

    def _worth_more(self, rank: Any, tol: float | None) -> tuple[Sums, bool]:
        """Return the sums of the last pass, and whether a further reading would tell more."""
        sums = self._sums(self._ended_state())
        with quiet():
            return sums, self.spec.blur(sums, rank, tol, slight=True) is not None

    def _finished(self, sums: Sums, rank: Any, tol: float | None, advice: str) -> Result:
        """Return the result of sums, and warn with an advice of what a reading would tell."""
        with quiet():
            blur = self.spec.blur(sums, rank, tol)
            result: Result = self.spec.finish(sums, rank, tol)
        if blur is not None:
            warn(f"{blur}; {advice}", SpectrumWarning)
        with_passes(result, sums.readings)
        return with_seeds(result, (self.spec.seed,))

    def _sums(self, state: State) -> Sums:
        return Sums(self.spec, self._maps, state, current_shape(self.spec, state), self._home)

    def _ended_state(self) -> State:
        """Return the state with its last pass ended; refuse to finalize before that one."""
        state, passes = self._state, self.spec.n_passes
        sums, done = self._sums(state), state.passes.done
        if done < passes and self.spec.is_complete(state.passes) and not state.parts:
            return state
        made = self.spec.passes_made(sums) if done < passes else 0
        if done + max(made, 1) < passes:
            raise PassError(
                f"{done} of {passes} passes are done: update with all chunks, call end_pass(), and "
                "feed them again"
            )
        if made > 1:
            return ended(sums)
        if done == passes - 1:
            self.spec.check(sums)
        return state

    # ---- state ------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for name in ("_maps", "_memo", "_committing", "_appending"):  # they follow from the spec
            del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._maps, self._memo = self.spec.maps(), Memo()
        self._unlocked()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the running sketch to a file; `sketch.load` resumes it, on any machine.

        The file appears whole or not at all, whenever the process is killed.
        """
        state = self._state
        arrays = {name: to_host(array) for name, array in arrays_of(state).items()}
        header = {"kind": type(self).__name__, "spec": self.spec.to_header(), **self._header()}
        about, laid = header_of(self._maps, state, arrays)
        archive.write(path, header | about, laid)

    def _header(self) -> archive.Header:
        """Return what a file says of the sketch beside its spec and its state."""
        return {}

    @classmethod
    def from_archive(cls, header: archive.Header, arrays: archive.Arrays) -> Self:
        """Rebuild a sketch from what `save` wrote.

        Raises
        ------
        StateFileError
            If this installation would draw other test matrices, or the state is inconsistent.
        """
        sketch = cls.from_spec(cls.spec_type.from_header(header["spec"]))
        sketch._state = restored(sketch.spec, sketch._maps, header, arrays)
        return sketch


class MultiPassSketch(Sketch[Result]):
    """A sketch that takes the same chunks several times, with `end_pass` after each time."""

    @property
    def n_passes(self) -> int:
        """Passes over the data that the method needs at most, and may take."""
        return int(self.spec.n_passes)

    @property
    def passes_done(self) -> int:
        """Readings of the data that were ended."""
        return self._state.passes.readings

    @property
    def passes_left(self) -> int:
        """Readings that are still needed at most; 0 where the sketch can be finalized."""
        passes = self._state.passes
        return 0 if self.spec.is_complete(passes) else self.n_passes - passes.done

    def end_pass(self) -> None:
        """End a pass: orthonormalise what it gathered, and make ready for the next one.

        Raises
        ------
        PassError
            If all passes are done, or this one saw other data than the first.
        """
        with self._committing:
            self._state = ended(self._sums(self._state))


def ended(sums: Sums) -> State:
    """Return the state after the end of a pass.

    The last pass can be taken again as long as there were fewer readings than passes.
    """
    spec, state = sums.spec, sums.state
    passes, last = state.passes, spec.n_passes - 1
    if passes.done > last:
        raise PassError(f"all {spec.n_passes} passes are done; finalize")
    readings = passes.readings + 1
    _check_cover(sums)
    with quiet():
        spec.check(sums)
        if passes.done == readings - 1 == last:
            return state.having(
                passes=dataclasses.replace(passes, done=last + 1, readings=readings)
            )
        done = min(last, passes.done + spec.passes_made(sums))
        kept = {**passes.kept, **spec.keep(sums)}
    here = spec.whole_axis(passes)
    rows, columns = passes.covers
    if here is not None and state.cover:
        rows, columns = (rows or state.cover, columns) if here else (rows, columns or state.cover)
    return state.having(
        passes=Passes(done, readings, sums.shape, kept, (rows, columns)),
        parts={},
        cover=(),
        blocks={},
        seen=(0,) * len(state.seen),
        shares=frozenset(),
        stream=Stream(),
    )


def _check_cover(sums: Sums) -> None:
    """Refuse a reading for two passes of other rows or columns than an earlier one."""
    passes, cover = sums.state.passes, sums.state.cover
    axis = sums.spec.whole_axis(passes)
    if axis is None or not cover:
        return
    before = passes.covers[1 - axis]
    if before is not None and before != cover:
        raise PassError(
            f"a later pass saw other data than an earlier one: {('rows', 'columns')[1 - axis]} "
            f"{list(cover)}, not {list(before)}. Feed the same chunks in every pass, each of them "
            "once"
        )
