"""Structured tensors of other libraries: taken by what they are, never by attribute names alone.

An object is taken for a train (``cores``), a CP tensor (``weights`` and ``factors``) or a Tucker
tensor (``core`` and ``factors``) where these fit together, make the shape that the object says it
has, and are all the numbers that it holds.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import DtypeError, ShapeError
from ..formats import CPTensor, Summable, TensorTrain, TuckerTensor

Structured = CPTensor | TensorTrain | TuckerTensor


def as_structured(x: object) -> object:
    """Return a structured tensor of another library as ours; anything else as it is.

    Raises
    ------
    DtypeError, ShapeError
        If it has the attributes of a format and is something else.
    """
    if isinstance(x, Summable):
        return x
    pair = _pair(x)
    if pair is not None:
        return pair
    library, kind = type(x).__module__.partition(".")[0], type(x).__name__
    if (library, kind) in _REFUSED:
        raise DtypeError(f"a {kind} of {library} {_REFUSED[library, kind]}")
    if (library, kind) in _KNOWN:
        return _KNOWN[library, kind](x)
    for names, make in _FORMATS.items():
        if all(hasattr(x, name) for name in names) and _are_numbers(x, names):
            return _checked(x, names, make)
    return x


def _pair(x: object) -> Structured | None:
    """Return the tensor of a pair ``(weights, factors)`` or ``(core, factors)``."""
    if type(x) is not tuple or len(x) != 2 or not isinstance(x[1], list | tuple):
        return None
    first, factors = x
    if not factors or any(_axes(factor) != 2 for factor in factors):
        return None
    if first is None or _axes(first) == 1:
        return CPTensor(first, factors)
    return TuckerTensor(first, factors) if _axes(first) == len(factors) else None


def _checked(x: object, names: tuple[str, ...], make: Callable[..., Structured]) -> Structured:
    """Return the tensor that an object's attributes make, if that is all that it is."""
    kind = type(x).__name__
    step = f"if it is meant, give sketch.{make.__name__}({', '.join(f'x.{n}' for n in names)})"
    more = sorted(set(_numbers_beside(x, names)))
    if more:
        raise DtypeError(
            f"a {kind} has {' and '.join(names)}, but other numbers too ({', '.join(more)}), and "
            f"cannot be taken for a {make.__name__}; {step}"
        )
    made = make(*[getattr(x, name) for name in names])
    shape = getattr(x, "shape", made.shape)
    if tuple(shape) != made.shape:
        raise ShapeError(
            f"a {kind} says that its shape is {tuple(shape)}, but as a {make.__name__} its "
            f"{' and '.join(names)} make {made.shape}; {step}"
        )
    return made


def _are_numbers(x: object, names: tuple[str, ...]) -> bool:
    """Whether attributes are arrays and sequences of arrays: weights alone may be missing."""
    for name in names:
        value = getattr(x, name)
        several = name in ("cores", "factors")
        if several and not (_is_sequence(value) and len(value) and all(map(_axes, value))):
            return False
        if not several and not _axes(value) and not (name == "weights" and value is None):
            return False
    return True


def _numbers_beside(x: object, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of an object's further attributes that hold numbers which could count."""
    known = [getattr(x, name) for name in names]
    shared = {k: v for cls in type(x).__mro__[:-1] for k, v in vars(cls).items() if k[:2] != "__"}
    slots = {k: getattr(x, k, None) for k, v in shared.items() if inspect.ismemberdescriptor(v)}
    held = {k: v for k, v in shared.items() if not callable(v)} | slots
    for name, value in {**held, **getattr(x, "__dict__", {})}.items():
        more = name not in names and not any(value is part for part in known)
        if more and (isinstance(value, float | complex) or _holds_arrays(value)):
            yield name


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    return bool(_axes(value)) or (_is_sequence(value) and any(map(_axes, value)))


def _is_sequence(value: object) -> bool:
    return hasattr(value, "__len__") and hasattr(value, "__getitem__") and not _axes(value)


def _axes(value: object) -> int:
    """Return how many axes an array has; 0 for anything else."""
    return len(value.shape) if hasattr(value, "dtype") and hasattr(value, "shape") else 0


_FORMATS: dict[tuple[str, ...], Callable[..., Structured]] = {
    ("cores",): TensorTrain,
    ("weights", "factors"): CPTensor,
    ("core", "factors"): TuckerTensor,
}

_RING = "is no train where its first and last ranks are not 1; give its to_tensor()"
_LARGEST_EXPONENT = 300  # of ten, in double precision
_NETWORK = (
    "may have phases, exponents and bonds of its own; give sketch.TensorTrain(cores) with cores "
    "(left bond, site, right bond), its exponent multiplied in"
)
_REFUSED = {
    ("tensorly", "TTMatrix"): "is a matrix with cores of four axes; give its to_tensor()",
    ("tensorly", "Parafac2Tensor"): "is no CP tensor: it has projections; give its to_tensor()",
    ("quimb", "TensorNetwork"): _NETWORK,
    ("quimb", "MatrixProductOperator"): _NETWORK,
    ("pyttb", "sumtensor"): "is a sum; give sketch.TensorSum of its parts",
    ("pyttb", "tenmat"): "is an unfolding; give its data",
}


def _ring(x: Any) -> TensorTrain:
    if x.factors[0].shape[0] != 1 or x.factors[-1].shape[-1] != 1:
        raise DtypeError(f"a {type(x).__name__} of tensorly {_RING}")
    return TensorTrain(x.factors)


def _state(x: Any) -> TensorTrain:
    """Return an open chain of quimb, whatever the order of its axes, its exponent multiplied in."""
    sites = [x[x.site_tag(site)] for site in x.sites]
    if x.num_tensors != len(sites) or abs(x.exponent) > _LARGEST_EXPONENT:
        raise DtypeError(f"this {type(x).__name__} of quimb {_NETWORK}")
    bonds = [[], *(sorted({*a.inds} & {*b.inds}) for a, b in itertools.pairwise(sites)), []]
    cores = []
    for name, tensor, left, right in zip(x.sites, sites, bonds, bonds[1:], strict=False):
        order = [*left, x.site_ind(name), *right]
        if len(left) > 1 or len(right) > 1 or sorted(order) != sorted(tensor.inds):
            raise DtypeError(f"this {type(x).__name__} of quimb {_NETWORK}")
        sizes = [tensor.ind_size(ind) for ind in order]
        shape = [1] * (not left) + sizes + [1] * (not right)
        cores.append(tensor.transpose(*order).data.reshape(*shape))
    if x.exponent:
        cores[0] = cores[0] * 10.0**x.exponent
    return TensorTrain(cores)


def _entries(x: Any) -> Any:
    import scipy.sparse

    return scipy.sparse.coo_array((x.vals[:, 0], tuple(x.subs.T)), shape=tuple(x.shape))


_KNOWN: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("tensorly", "TTTensor"): lambda x: TensorTrain(x.factors),
    ("tensorly", "TRTensor"): _ring,
    ("quimb", "MatrixProductState"): _state,
    ("pyttb", "tensor"): lambda x: x.data,
    ("pyttb", "sptensor"): _entries,
    ("pyttb", "ktensor"): lambda x: CPTensor(x.weights, x.factor_matrices),
    ("pyttb", "ttensor"): lambda x: TuckerTensor(x.core.full().data, x.factor_matrices),
}
