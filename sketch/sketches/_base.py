"""The sketch object: a spec, a state, and where they live. Written once for all methods."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import fields as fields_of
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Self, TypeVar

from ..backend.array import Device, place
from ._accumulator import Accumulator
from ._addable import Addable
from ._method import AnyMethod
from ._savable import Savable
from ._stream import follow

Result = TypeVar("Result")

_READ_AGAIN = "feed the data once more, end the pass and finalize again"


class Sketch(Addable, Savable, Generic[Result]):
    """A sketch of a matrix or tensor that arrives in chunks.

    It holds its `spec` and one state: a few named sums of chunk products. Every sum is linear in
    the data: chunks may come in any order and any partition, and overlapping ones add up. A new
    state is made beside the old one and put in its place at once, so that whatever is refused,
    interrupted or fails leaves the sketch as it was, and several threads may use it.

    Attributes
    ----------
    spec : Method
        The frozen description; sketches with equal specs can be combined.
    accumulator : Accumulator
        What holds the state and adds to it, for the library's own use.
    """

    kinds: ClassVar[dict[str, type[Sketch[Any]]]] = {}
    """All classes of sketches by name, as state files name them."""

    spec: Any

    def __init_subclass__(cls) -> None:
        Sketch.kinds[cls.__name__] = cls
        if "spec_type" in vars(cls):
            cls.spec_type.sketch_type = cls

    def _set_up(self, spec: AnyMethod, device: Device = None) -> None:
        self.spec = spec
        self.accumulator = Accumulator(spec, place(device))

    @classmethod
    def from_spec(cls, spec: object, device: Device = None) -> Self:
        """Return an empty sketch with the given spec, told where to live like any other.

        Parameters
        ----------
        spec : Spec
            Of another sketch of this kind, as its ``spec``.
        device : str or array, optional

        Raises
        ------
        TypeError
            If it is that of another kind.

        Examples
        --------
        >>> import sketch
        >>> sk = sketch.GramNystrom(4, rank=1)
        >>> sketch.GramNystrom.from_spec(sk.spec).spec == sk.spec
        True
        """
        if not isinstance(spec, cls.spec_type):
            raise TypeError(f"{cls.__name__} needs a {cls.spec_type.__name__}, got {spec!r}")
        sketch = cls.__new__(cls)
        sketch._set_up(spec, device)
        return sketch

    def settle(self, device: Device) -> None:
        """Say where an empty or a loaded sketch lives from now on; its sums must be there.

        Parameters
        ----------
        device : str or array
            ``"gpu"``, ``"gpu:1"``, or an array that lives there.

        Raises
        ------
        DeviceError
            If there is no such device.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> sk = sketch.GramNystrom(4, rank=1)
        >>> sk.settle(np.ones(1))
        """
        self.accumulator.home = place(device)

    # ---- sizes ------------------------------------------------------------------------------

    @property
    def maps(self) -> Mapping[str, Any]:
        """The test matrices or tensors, by name, whose rows are drawn when they are asked for."""
        return MappingProxyType(self.accumulator.maps)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the data, as it is now where an axis grows."""
        return self.accumulator.shape

    @property
    def covered(self) -> tuple[tuple[int, int], ...]:
        """Where the data begin and end on each axis; nothing where rows have no places."""
        state, axes = self.accumulator.state, self.spec.sums(self.accumulator.state.passes)
        parts = [(axes[name].axis, part) for name, part in state.parts.items()]
        windows = [[part for axis, part in parts if axis == k] for k in range(len(state.seen))]
        if not all(windows):
            return ()
        return tuple((min(p.start for p in w), max(p.stop for p in w)) for w in windows)

    @property
    def nbytes(self) -> int:
        """Bytes held by the sums."""
        return self.accumulator.state.nbytes

    @property
    def n_updates(self) -> int:
        """Number of chunks taken so far, merged sketches included."""
        return self.accumulator.state.n_updates

    @property
    def position(self) -> int:
        """Rows taken by `consume`, or slices along the axis that grows.

        Saved with the state; a merge keeps that of the sketch that is merged into.
        """
        return self.accumulator.state.stream.position

    def __repr__(self) -> str:
        fields = [(f.name, getattr(self.spec, f.name), f.default) for f in fields_of(self.spec)]
        given = ", ".join(
            f"{name}={value!r}" for name, value, usual in fields if value not in (None, usual)
        )
        return f"{type(self).__name__}({given})  # {self.n_updates} updates, data {self.shape}"

    # ---- data in ----------------------------------------------------------------------------

    def update(
        self,
        chunk: object,
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
        accumulator = self.accumulator
        with accumulator.placing(at):
            delta = accumulator.contribution(
                chunk, at, check_finite=check_finite, memory=memory, progress=progress
            )
            accumulator.commit(delta)

    def consume(
        self,
        chunks: Iterable[object],
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
            self.accumulator,
            self.save,
            chunks,
            first=first,
            resume=resume,
            forgetting=forgetting,
            checkpoint=checkpoint,
            every=every,
            how={"check_finite": check_finite, "memory": memory, "progress": False},
            progress=progress,
        )

    # ---- result -----------------------------------------------------------------------------

    def finalize(self, rank: object = None, tol: float | None = None) -> Result:
        """Return the result that the sums determine, with its error; the stream may go on.

        Parameters
        ----------
        rank : int, or sequence of int for a train, optional
            Of the result, at most the width of the sketch; by default the spec's.
        tol : float, optional
            The smallest rank whose estimated relative error is at most `tol`.

        Returns
        -------
        LowRank, TensorTrain, PrincipalComponents or Completed
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
        result: Result = self.accumulator.finish(
            self.accumulator.complete(), rank, tol, _READ_AGAIN
        )
        return result
