"""Array libraries: namespaces, dtypes and transfers. The only file that names a backend."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import ParamSpec, TypeGuard, TypeVar

import array_api_compat
import numpy as np

from ..errors import DeviceError, DtypeError
from .dtypes import COMPUTED
from .dtypes import accumulator_dtype as accumulator_dtype
from .dtypes import compute_dtype as compute_dtype
from .dtypes import dtype_name as dtype_name
from .dtypes import is_complex as is_complex
from .dtypes import promote as promote
from .dtypes import smallest_normal as smallest_normal
from .dtypes import unit_roundoff as unit_roundoff
from .protocols import Array as Array
from .protocols import CupyArray, DaskArray, StrictArray, TorchTensor
from .protocols import Device as Device
from .protocols import DeviceSparse as DeviceSparse
from .protocols import HostArray as HostArray
from .protocols import Namespace as Namespace

_COPIED_ALONE = 4_000_000  # bytes that one thread copies in the time it takes to start more
_COPYING_THREADS = 8

P = ParamSpec("P")
R = TypeVar("R")


def is_array(x: object) -> TypeGuard[Array]:
    """Whether `x` is an array of a library that follows the standard."""
    is_one = array_api_compat.is_array_api_obj(x) and not isinstance(x, type)
    return bool(is_one) and not is_dask(x)


def is_dask(x: object) -> TypeGuard[DaskArray]:
    """Whether `x` is a Dask array."""
    return bool(array_api_compat.is_dask_array(x))


def is_torch(x: object) -> TypeGuard[TorchTensor]:
    """Whether `x` is a tensor of PyTorch."""
    return bool(array_api_compat.is_torch_array(x))


def gathered(x: Array) -> Array:
    """Return the values of a Dask array in memory; other arrays as they are."""
    return x.compute() if is_dask(x) else x


def changeable(x: Array) -> Array:
    """Return an array as sums can be kept: PyTorch's without gradients, JAX's as NumPy's.

    Raises
    ------
    DtypeError
        If the array has no numbers of its own: it is traced, quantized, or without memory.
    """
    if is_torch(x):
        if x.is_meta or x.is_quantized or x.is_nested or not _holds_values(x):
            raise DtypeError(
                "a meta, quantized, nested, masked or traced tensor has no numbers to compute "
                "with; give a dense one, as dequantize(), to_padded_tensor() or to_tensor(value) "
                "make it, outside of transformed functions"
            )
        return x.detach() if x.requires_grad else x
    if not array_api_compat.is_jax_array(x):
        return x
    try:
        return np.asarray(x)
    except Exception as error:  # of a tracer, or of an array that was given away
        kind = type(x).__name__
        raise DtypeError(
            f"a {kind} cannot be read as numbers ({type(error).__name__}); call outside of "
            "transformed functions, with arrays that hold their values"
        ) from error


def _holds_values(x: TorchTensor) -> bool:
    """Whether a tensor of PyTorch has memory of its own, and no mask over it."""
    if hasattr(x, "get_mask") or hasattr(x, "fake_mode"):
        return False
    try:
        return str(x.layout) != "torch.strided" or x.data_ptr() >= 0
    except RuntimeError:  # of a tensor within a transformed function
        return False


def coordinates(x: object) -> tuple[HostArray, HostArray] | None:
    """Return the indices (d, nnz) and values of a sparse tensor of PyTorch; None for others."""
    if not is_torch(x) or str(x.layout) == "torch.strided":
        return None
    if not str(x.layout).startswith("torch.sparse") or x.dense_dim():
        raise DtypeError(
            f"a tensor of layout {x.layout} is neither dense nor sparse in every axis; give its "
            "to_dense()"
        )
    kind = getattr(namespace(x), compute_dtype(x.dtype))
    coo = x.detach().to_sparse_coo().to(kind).coalesce()  # narrow integers would wrap in sums
    return coo.indices().cpu().numpy(), coo.values().cpu().resolve_conj().numpy()


def quiet() -> AbstractContextManager[object]:
    """Silence floating-point warnings where the result is checked afterwards."""
    return np.errstate(all="ignore")


def silent(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that tells no floating-point errors: what underflows is lost anyway."""

    @functools.wraps(function)
    def called(*args: P.args, **named: P.kwargs) -> R:
        with quiet():
            return function(*args, **named)

    return called


def raising(x: Array) -> AbstractContextManager[object]:
    """Let decompositions that fail raise: CuPy's return garbage by themselves."""
    if not is_on_gpu(x):
        return contextlib.nullcontext()
    import cupyx

    state: AbstractContextManager[object] = cupyx.errstate(linalg="raise")
    return state


def namespace(*arrays: Array) -> Namespace:
    """Return the array namespace that the arrays share."""
    if {*map(type, arrays)} <= {np.ndarray}:
        return _numpy()
    found: Namespace = array_api_compat.array_namespace(*arrays)
    return found


@functools.cache
def _numpy() -> Namespace:
    """Return NumPy's namespace, which imports far more of NumPy than most others need."""
    found: Namespace = array_api_compat.array_namespace(np.empty(0))
    return found


def cast(x: Array, name: str) -> Array:
    """Return `x` in the dtype of that name, copied only where needed."""
    if dtype_name(x.dtype) == name:
        return x
    return namespace(x).astype(x, getattr(namespace(x), name), copy=False)


def widened(x: Array) -> Array:
    """Return `x` in double precision, copied only where needed."""
    return cast(x, accumulator_dtype(dtype_name(x.dtype)))


def brought(x: Array, like: Array) -> Array:
    """Return an array where `like` is and in its dtype, complex where `x` is."""
    name = dtype_name(like.dtype)
    if is_complex(dtype_name(x.dtype)) and not is_complex(name):
        name = promote(name, "complex64")
    return moved(cast(x, name), like)


def moved(x: Array, like: Array) -> Array:
    """Return an array of the same dtype where `like` is."""
    if type(x) is type(like) and (type(x) is np.ndarray or device_of(x) == device_of(like)):
        return x
    host = to_host(x)
    if is_on_gpu(like):
        return _uploaded(host, like)
    xp = namespace(like)
    if xp is namespace(host):
        return host
    # In memory of the library's own: the last bits of PyTorch's products depend on its alignment.
    return xp.asarray(host, device=device_of(like), copy=True)


def _uploaded(x: HostArray, like: Array) -> Array:
    """Copy an array to a GPU through pinned memory, on a stream of this thread's own."""
    import cupy
    import cupyx

    with like.device, cupy.cuda.Stream(non_blocking=True) as stream:
        pinned = cupyx.empty_pinned(x.shape, x.dtype)
        _copy_rows(pinned, x)
        there: CupyArray = cupy.empty(x.shape, x.dtype)
        there.set(pinned, stream=stream)
        stream.synchronize()  # the pinned memory goes back to its pool
    return there


def _copy_rows(out: HostArray, x: HostArray) -> None:
    """Copy an array, a large one by several threads: one does not fill the memory's bandwidth."""
    from concurrent.futures import ThreadPoolExecutor

    if x.nbytes < _COPIED_ALONE or not x.ndim:
        np.copyto(out, x)
        return
    parts = cuts(len(x), -(-len(x) // _COPYING_THREADS))
    with ThreadPoolExecutor(_COPYING_THREADS) as pool:
        for copied in [pool.submit(np.copyto, out[part], x[part]) for part in parts]:
            copied.result()


def place(device: Device) -> Array | None:
    """Return an array on the device that was asked for, None where none was.

    Parameters
    ----------
    device : str, array or None
        ``"cpu"``; ``"gpu"`` or ``"gpu:1"`` (CuPy); ``"torch"`` or ``"torch:cuda:0"``; or an array
        that lives there.

    Raises
    ------
    DeviceError
        If the library is not installed, or there is no such device.
    """
    if device is None or is_array(device):
        return None if device is None else changeable(device)
    name, _, rest = str(device).partition(":")
    if name == "cpu" and not rest:
        return np.empty(0)
    if name == "gpu" and (not rest or rest.isdecimal()):
        return _on_gpu(int(rest or 0))
    if name == "torch":
        return _on_torch(rest or "cpu")
    raise DeviceError(
        f"device={device!r} is not known; give 'cpu', 'gpu', 'gpu:1', 'torch', 'torch:cuda:0', or "
        "an array that lives there"
    )


def _on_gpu(number: int) -> Array:
    try:
        import cupy
    except ImportError as error:
        raise DeviceError(
            "device='gpu' needs CuPy; pip install 'sketch-lowrank[gpu]' (CUDA 13) or cupy-cuda12x"
        ) from error
    if not cupy.cuda.is_available():
        raise DeviceError(
            "CuPy is installed but finds no GPU: there is none, or its driver is too old for this "
            "CuPy; nvidia-smi tells"
        )
    try:
        with cupy.cuda.Device(number):
            probe = cupy.ones((2, 2))
            float((probe @ probe)[0, 0])
            made: Array = cupy.empty(0)
            return made
    except Exception as error:  # no common base: ImportError of a library, errors of the driver
        raise DeviceError(f"the GPU {number} cannot be used by CuPy ({error})") from error


def _on_torch(device: str) -> Array:
    try:
        import torch
    except ImportError as error:
        raise DeviceError("device='torch' needs PyTorch; pip install torch") from error
    try:
        made: Array = torch.empty(0, dtype=torch.float64, device=device)
        return made
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"PyTorch has no device {device!r} ({error})") from error


def as_torch(x: Array) -> Array:
    """Return an array as a tensor of PyTorch: itself where it is one, else a copy."""
    return x if is_torch(x) else moved(x, _on_torch("cpu"))


def to_host(x: Array) -> HostArray:
    """Return `x` as a NumPy array; a view where the memory is the host's."""
    if type(x) is np.ndarray:
        return x
    if is_on_gpu(x):
        return np.asarray(x.get())
    if is_torch(x):
        return np.asarray(x.detach().cpu().resolve_conj().resolve_neg())
    if is_strict(x):  # which never leaves its device by itself
        return np.asarray(x.to_device(namespace(x).Device("CPU_DEVICE")))
    return np.asarray(x)


def is_strict(x: object) -> TypeGuard[StrictArray]:
    """Whether `x` is of the standard's own reference library."""
    return type(x).__module__.startswith("array_api_strict")


def is_on_gpu(x: object) -> TypeGuard[CupyArray]:
    """Whether `x` is an array on a GPU whose kernels we can write."""
    return bool(array_api_compat.is_cupy_array(x))


def is_off_host(x: object) -> bool:
    """Whether `x` lives in the memory of a GPU, where each call of a library has its price."""
    if type(x) is np.ndarray:
        return False
    return is_on_gpu(x) or (is_torch(x) and bool(x.is_cuda))


def block_bytes(x: Array, on_host: int) -> int:
    """Return how many bytes of `x` are worked on at once: more on a GPU, which has no cache for."""
    return 8 * on_host if is_off_host(x) else on_host


def device_bytes(x: Array) -> int | None:
    """Return the most memory that was held so far on the GPU of an array; None on the host.

    Of what this process took through the array's library: its pool keeps what it once needed.
    """
    xp = namespace(x)
    if is_on_gpu(x):
        with x.device:
            return int(xp.get_default_memory_pool().total_bytes())
    if is_torch(x) and x.is_cuda:
        return int(xp.cuda.max_memory_allocated(x.device))
    return None


def beside(like: Array, dtype: str | None = None) -> dict[str, object]:
    """Return the keywords that create an array on the device of `like`, and of its dtype."""
    name = dtype_name(like.dtype) if dtype is None else dtype
    return {"dtype": getattr(namespace(like), name), "device": device_of(like)}


def cuts(size: int, step: int) -> Iterator[slice]:
    """Yield slices of at most `step` that cover ``range(size)``, one at least."""
    for start in range(0, max(1, size), step):
        yield slice(start, min(size, start + step))


def is_gpu_sparse(x: object) -> TypeGuard[DeviceSparse]:
    """Whether `x` is a sparse matrix of CuPy."""
    return type(x).__module__.startswith("cupyx.scipy.sparse")


def device_of(x: Array) -> object:
    """Return the device of an array."""
    if type(x) is np.ndarray:
        return "cpu"
    return array_api_compat.device(x)


def qr_triangle(x: Array) -> Array:
    """Return the factor R of a QR; where the library can, without forming Q."""
    xp = namespace(x)
    if isinstance(x, np.ndarray):
        return np.asarray(np.linalg.qr(to_host(x), mode="r"))
    return xp.linalg.qr(x, mode="reduced")[1]


def apart(x: Array) -> Array:
    """Return an array that keeps no larger one in memory: a copy, if it is a part of one."""
    if isinstance(x, np.ndarray):
        owner = x if x.base is None else x.base
        if isinstance(owner, np.ndarray) and owner.nbytes <= x.nbytes:
            return x
    return x * 1.0


def is_blas_ready(x: Array) -> bool:
    """Whether a matrix product can read `x` in place.

    Of a floating dtype that is computed with, in memory, in native byte order, with a unit stride.
    """
    if dtype_name(x.dtype) not in COMPUTED or isinstance(x, np.memmap):
        return False
    if not isinstance(x, np.ndarray):
        return True
    if not (x.dtype.isnative and x.flags.aligned):
        return False
    if x.size and x.flags.forc:
        return True
    item, strides = x.itemsize, [s for s, n in zip(x.strides, x.shape, strict=True) if n > 1]
    return all(s > 0 and s % item == 0 for s in strides) and (not strides or min(strides) == item)
