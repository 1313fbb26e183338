"""Tasks on the chunks of a Dask array, and sums of their results in a tree. The only use of Dask.

Graphs hold a task for a few chunks and no arrays; sums are taken in an order that the chunks alone
determine, so that the same chunks give the same bits on every scheduler, lost workers or not.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import SketchError

Place = tuple[int, ...]
PATIENCE = 10  # seconds to wait for a scheduler
_ARITY = 8  # summands of a task of the tree
_BATCH_BYTES = 32_000_000  # chunks smaller than this are worked on together
_LEAST_BATCHES = 64  # but so many batches at least, for all workers to have some
_LIMITED = contextvars.ContextVar("threads of BLAS are limited", default=False)


class Chunked(Protocol):
    """What is asked of an array of Dask."""

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the chunks along each axis."""

    @property
    def chunksize(self) -> tuple[int, ...]:
        """The largest of these."""

    @property
    def numblocks(self) -> tuple[int, ...]:
        """Numbers of chunks along each axis."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of all axes."""

    @property
    def ndim(self) -> int:
        """Number of axes."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the entries."""

    @property
    def _meta(self) -> object:
        """An empty array of the kind that chunks are."""

    def __dask_graph__(self) -> Mapping[object, object]: ...
    def __dask_keys__(self) -> list[object]: ...
    def __dask_optimize__(
        self, graph: Mapping[object, object], keys: list[object], /
    ) -> Mapping[object, object]: ...


SomeChunked = TypeVar("SomeChunked", bound=Chunked)


class Task:
    """A task of a graph that is made by hand: its key, and all that it needs.

    Light, where `dask.delayed` takes a millisecond for each; written as the tasks of Dask's own
    graphs are.
    """

    __slots__ = ("key", "needs", "node")

    def __init__(self, key: object, node: object = None, needs: Sequence[Task] = ()) -> None:
        self.key, self.node, self.needs = key, node, needs

    def add_to(self, graph: dict[object, object]) -> None:
        """Put what computes it into a graph."""
        graph[self.key] = self.node


class _Chunk(Task):
    """A chunk of a Dask array, with the tasks of them all."""

    __slots__ = ("array_graph",)

    def __init__(self, key: object, array_graph: dict[object, object]) -> None:
        super().__init__(key)
        self.array_graph = array_graph

    def add_to(self, graph: dict[object, object]) -> None:
        """Put the tasks of the array into a graph, once."""
        if self.key not in graph:
            graph.update(self.array_graph)


class _Wanted:
    """The collection that Dask computes: some tasks together."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks

    @staticmethod
    def __dask_optimize__(graph: object, keys: object, **options: object) -> object:
        return graph  # nothing to gain

    def __dask_graph__(self) -> dict[object, object]:
        return graph_of(self.tasks)

    def __dask_keys__(self) -> list[object]:
        return [one.key for one in self.tasks]

    def __dask_tokenize__(self) -> list[object]:
        return self.__dask_keys__()

    @staticmethod
    def __dask_scheduler__(graph: object, keys: object, **options: object) -> object:
        from dask.threaded import get

        return get(graph, keys, **options)

    def __dask_postcompute__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return list, ()

    def __dask_postpersist__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _Wanted.of_results, (self.__dask_keys__(),)

    @staticmethod
    def of_results(results: dict[object, object], keys: list[object], **_: object) -> _Wanted:
        """Return tasks that are done."""
        from dask._task_spec import DataNode

        there = _is_distributed()  # where results are futures, which Dask knows in a graph
        return _Wanted(
            [Task(key, results[key] if there else DataNode(key, results[key])) for key in keys]
        )


def graph_of(tasks: Sequence[Task]) -> dict[object, object]:
    """Return the graph of some tasks: all that they need, by key."""
    graph, waiting = dict[object, object](), list(tasks)
    while waiting:
        one = waiting.pop()
        if one.key not in graph:
            one.add_to(graph)
            waiting.extend(one.needs)
    return graph


def _chunks_of(array: Chunked) -> NDArray[np.object_]:
    """Return the tasks of the chunks of a Dask array, in an array of as many axes."""
    from dask.core import flatten

    keys = list(flatten(array.__dask_keys__()))
    array_graph = dict(array.__dask_optimize__(array.__dask_graph__(), keys))
    chunks = np.empty(array.numblocks, dtype=object)
    chunks.ravel()[:] = [_Chunk(key, array_graph) for key in keys]
    return chunks


def chunk_batches(array: Chunked) -> list[list[tuple[Place, Task, Place]]]:
    """Return the places, tasks and sizes of all chunks of a Dask array, in batches."""
    starts = [list(itertools.accumulate(sizes, initial=0))[:-1] for sizes in array.chunks]
    places, sizes = itertools.product(*starts), itertools.product(*array.chunks)
    chunks = list(zip(places, _chunks_of(array).ravel(), sizes, strict=True))
    step = _batch_size(array)
    return [chunks[i : i + step] for i in range(0, len(chunks), step)]


def strip_batches(
    array: Chunked, *, whole: bool = False
) -> list[list[list[tuple[Place, Task, Place]]]]:
    """Return the same of a matrix for each of its rows of chunks, or one batch for each."""
    tops, lefts = (list(itertools.accumulate(sizes, initial=0)) for sizes in array.chunks)
    step = array.numblocks[1] if whole else _batch_size(array)
    strips: list[list[list[tuple[Place, Task, Place]]]] = []
    for top, height, row in zip(tops, array.chunks[0], _chunks_of(array), strict=False):
        sizes: list[Place] = [(height, width) for width in array.chunks[1]]
        places: list[Place] = [(top, left) for left in lefts[:-1]]
        chunks = list(zip(places, row, sizes, strict=True))
        strips.append([chunks[i : i + step] for i in range(0, len(chunks), step)])
    return strips


def _batch_size(array: Chunked) -> int:
    """Return how many chunks are worked on together."""
    size = math.prod(array.chunksize) * array.dtype.itemsize
    fair = math.prod(array.numblocks) // _LEAST_BATCHES
    return int(max(1, min(_BATCH_BYTES // max(1, size), fair)))


def once(value: object) -> Task:
    """Return a task for a value that many tasks need, so that it travels once to each worker."""
    from dask._task_spec import DataNode

    key = f"{type(value).__name__}-{uuid.uuid4().hex}"
    return Task(key, DataNode(key, value))


def task(function: Callable[..., object], *arguments: object) -> Task:
    """Return the task of calling a function, named after it.

    Tasks among the arguments, and in lists and dictionaries there, stand for their results.
    """
    from dask import _task_spec

    needs: list[Task] = []

    def referred(argument: object) -> object:
        if isinstance(argument, Task):
            needs.append(argument)
            return _task_spec.TaskRef(argument.key)
        if isinstance(argument, list):
            return _task_spec.List(*map(referred, argument))
        if isinstance(argument, dict):
            return _task_spec.Dict({name: referred(value) for name, value in argument.items()})
        return argument

    key = f"{function.__name__}-{uuid.uuid4().hex}"
    return Task(key, _task_spec.Task(key, function, *map(referred, arguments)), needs)


def tree(tasks: Sequence[Task], add: Callable[..., object], *arguments: object) -> Task:
    """Return the task that adds the results of tasks, a few at a time, in their order.

    By ``add(*arguments, results)``.
    """
    while len(tasks) > 1:
        groups = [tasks[i : i + _ARITY] for i in range(0, len(tasks), _ARITY)]
        tasks = [
            task(add, *arguments, list(group)) if len(group) > 1 else group[0] for group in groups
        ]
    return tasks[0]


def compute(*tasks: Task, progress: bool = False) -> list[Any]:
    """Return the results of tasks, computed by the scheduler that is active."""
    import dask

    if progress and _is_distributed():
        tasks = tuple(persist(*tasks, progress=True))
    with one_blas_thread_each(), _bar(progress):
        (results,) = dask.compute(_Wanted(tasks))
    return list(results)


def persist(*tasks: Task, progress: bool = False) -> list[Task]:
    """Return tasks whose results are computed and stay where they are."""
    import dask

    with one_blas_thread_each(), _bar(progress):
        (kept,) = dask.persist(_Wanted(tasks))
    if progress and _is_distributed():
        import distributed

        distributed.progress([one.node for one in kept.tasks], notebook=False)
    return list(kept.tasks)


def computed_chunks(array: Any, rows: slice) -> list[object]:
    """Return some of the row chunks of a Dask array, whatever they are, computed together."""
    import dask

    return list(dask.compute(*array.blocks[rows].to_delayed().ravel()))


def array_of_rows(
    tasks: Sequence[Task], rows: Sequence[int], columns: int, dtype: str, meta: object = None
) -> Any:
    """Return the Dask array whose row chunks are the results of tasks, arrays like `meta`."""
    import dask.array as da
    from dask._task_spec import Alias

    graph, name = graph_of(tasks), f"rows-{uuid.uuid4().hex}"
    graph |= {(name, i, 0): Alias((name, i, 0), one.key) for i, one in enumerate(tasks)}
    chunks = (tuple(map(int, rows)), (columns,))
    return da.Array(graph, name, chunks, dtype=np.dtype(dtype), meta=meta)


def with_column_values(
    array: SomeChunked, function: Callable[..., object], *values: NDArray[Any]
) -> SomeChunked:
    """Return a Dask array whose chunks are what a function makes of a chunk and of some values.

    Parameters
    ----------
    array : Dask array, shape (m, n)
    function : callable
        From a chunk (p, q) and the values (q,) at its columns to what stands for the chunk.
    *values : ndarray, shape (n,)
    """
    import dask.array as da

    columns = [(da.from_array(x, chunks=(array.chunks[1],)), "j") for x in values]
    pairs = itertools.chain([array, "ij"], *columns)
    found: SomeChunked = da.blockwise(function, "ij", *pairs, dtype=array.dtype, meta=array._meta)
    return found


def array_from_slices(source: Any, chunks: Sequence[int]) -> object:
    """Return the Dask array of an object that can be sliced and pickled, which travels itself."""
    import dask.array as da

    name = f"read-{uuid.uuid4().hex}"
    meta = np.empty((0,) * len(source.shape), source.dtype)
    return da.from_array(source, chunks=tuple(chunks), name=name, meta=meta, inline_array=True)


def connect(address: str) -> contextlib.AbstractContextManager[object]:
    """Return a client of a running scheduler, active until it is left.

    Raises
    ------
    SketchError
        If `distributed` is not installed, or the scheduler cannot be reached.
    """
    try:
        import distributed
    except ImportError as error:
        raise SketchError(
            "a scheduler needs distributed; pip install 'sketch-lowrank[dask]'"
        ) from error
    try:
        client: contextlib.AbstractContextManager[object] = distributed.Client(
            address, timeout=PATIENCE
        )
    except OSError as error:
        raise SketchError(f"the scheduler {address} cannot be reached ({error})") from error
    return client


def _is_distributed() -> bool:
    """Whether a `distributed.Client` would compute."""
    from dask.base import get_scheduler

    return type(getattr(get_scheduler(), "__self__", None)).__name__ == "Client"


def _bar(progress: bool) -> contextlib.AbstractContextManager[object]:
    """Return a bar of the tasks that this process runs."""
    if not progress or _is_distributed():
        return contextlib.nullcontext()
    from tqdm.dask import TqdmCallback

    bar: contextlib.AbstractContextManager[object] = TqdmCallback(desc="sketching", unit="task")
    return bar


@contextlib.contextmanager
def one_blas_thread_each() -> Iterator[None]:
    """Keep the threads of BLAS from competing with those of a local scheduler.

    Around all that is computed one after the other, rather than around each of it: a thread of BLAS
    that was at work waits for more at full speed, and takes a core from the tasks that come next.
    """
    import dask.threaded
    from dask.base import get_scheduler
    from threadpoolctl import threadpool_limits

    if _LIMITED.get():
        yield
        return
    threaded = get_scheduler() in (None, dask.threaded.get)
    start = dask.config.get("multiprocessing.initializer", None) or _limit_blas_threads
    token = _LIMITED.set(True)
    try:
        with (
            dask.config.set({"multiprocessing.initializer": start}),
            threadpool_limits(limits=1 if threaded else None),
        ):
            yield
    finally:
        _LIMITED.reset(token)


def _limit_blas_threads() -> None:
    """Begin a worker process."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)
