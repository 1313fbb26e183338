"""Sketches in files: what is written of one, and how it is made again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, Self

from ..backend.array import Device, to_host
from ..files import archive
from ..formats import Axes, kept_labels
from ._accumulator import Accumulator
from ._method import AnyMethod
from ._saved import arrays_of, header_of, restored


class Savable:
    """What holds an accumulator, and can be written and made again.

    Attributes
    ----------
    spec : Method
    accumulator : Accumulator
    """

    spec_type: ClassVar[type[AnyMethod]]

    spec: AnyMethod
    accumulator: Accumulator

    if TYPE_CHECKING:

        @classmethod
        def from_spec(cls, spec: object, device: Device = None) -> Self: ...

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the running sketch to a file; `sketch.load` resumes it, on any machine.

        The file appears whole or not at all, whenever the process is killed.

        Parameters
        ----------
        path : path-like
            A file that is there is replaced.

        Raises
        ------
        StateFileError
            If the path names something else than a regular file.

        Examples
        --------
        >>> import os, tempfile, numpy as np, sketch
        >>> sk = sketch.GramNystrom(4, rank=1)
        >>> sk.update(np.eye(3, 4))
        >>> path = os.path.join(tempfile.mkdtemp(), "state.npz")
        >>> sk.save(path)
        >>> sketch.load(path).n_updates
        1
        """
        state = self.accumulator.state
        arrays = {name: to_host(array) for name, array in arrays_of(state).items()}
        header = {"kind": type(self).__name__, "spec": self.spec.to_header(), **self._header()}
        about, laid = header_of(self.accumulator.maps, state, arrays)
        if state.columns is not None:
            told, labels = kept_labels(state.columns, state.columns.columns)
            about, laid = about | told, laid | labels
        archive.write(path, header | about, laid)

    def _header(self) -> archive.Header:
        """Return what a file says of the sketch beside its spec and its state."""
        return {}

    @classmethod
    def from_archive(
        cls, header: archive.Header, arrays: archive.Arrays, columns: Axes | None = None
    ) -> Self:
        """Rebuild a sketch from what `save` wrote.

        Parameters
        ----------
        header : dict
            What the file says besides arrays.
        arrays : dict of array
            Without labels.
        columns : Axes, optional
            Names and labels of the columns.

        Raises
        ------
        StateFileError
            If this installation would draw other test matrices, or the state is inconsistent.

        Examples
        --------
        >>> import os, tempfile, sketch
        >>> from sketch.files import archive
        >>> path = os.path.join(tempfile.mkdtemp(), "state.npz")
        >>> sketch.GramNystrom(4, rank=1).save(path)
        >>> sketch.GramNystrom.from_archive(*archive.read(path)).n_updates
        0
        """
        sketch = cls.from_spec(cls.spec_type.from_header(header["spec"]))
        mine = sketch.accumulator
        mine.state = restored(sketch.spec, mine.maps, header, arrays).having(columns=columns)
        return sketch
