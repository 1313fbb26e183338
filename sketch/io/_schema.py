"""What the fields of a state or result file may hold, checked before anything is built of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import StateFileError
from ..files.archive import Arrays, Header
from ..formats import is_label

_DTYPES = ("float32", "float64", "complex64", "complex128")
Check = Callable[[Any], bool]


def check_fields(path: object, header: Header, arrays: Arrays) -> None:
    """Refuse fields of other types or sizes than they can have, or that do not fit each other.

    Raises
    ------
    StateFileError
        Naming the first field that is wrong, and what it holds.
    """
    _check_all(path, header, "")
    for name, order in header.get("axes", {}).items():
        array = arrays.get(name)
        if array is None or sorted(order) != list(range(array.ndim)):
            raise _refusal(path, f"axes.{name}", order)
    laid_out = header["format_version"] > 1 and "starts" in header
    laid = {name for name in arrays if not is_label(name)}
    if (laid_out or "axes" in header) and set(header.get("axes", ())) != laid:
        raise _refusal(path, "axes", sorted(header.get("axes", ())))
    spec = header.get("spec", {})
    shape = spec.get("shape", [])
    for name, value in spec.items():
        if name in _BONDS and isinstance(value, list) and len(value) != len(shape) - 1:
            raise _refusal(path, f"spec.{name}", value)
    for name in ("seen", "settled"):
        sizes = header.get(name)
        if shape and sizes is not None and not _within(sizes, shape):
            raise _refusal(path, name, sizes)


def _check_all(path: object, fields: Header, prefix: str) -> None:
    for name, value in fields.items():
        check = _CHECKS.get(prefix + name, _CHECKS.get(name))
        if check is not None and not check(value):
            raise _refusal(path, prefix + name, value)
        if name in _NESTED and prefix + name not in _CHECKS:
            inner = value if isinstance(value, list) else [value]
            for each in inner:
                if each is not None and not isinstance(each, dict):
                    raise _refusal(path, prefix + name, value)
                _check_all(path, each or {}, f"{prefix}{name}.")


def _refusal(path: object, name: str, value: object) -> StateFileError:
    return StateFileError(
        f"{path}: inconsistent header or arrays: the field {name} holds {str(value)[:60]}; "
        "the file was altered"
    )


def _within(sizes: list[int], shape: list[int | None]) -> bool:
    return len(sizes) == len(shape) and all(
        n is None or size <= n for size, n in zip(sizes, shape, strict=True)
    )


def _is_size(value: object, most: int = 2**63) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < most


def _is_seed(value: object) -> bool:
    return _is_size(value, 2**64)


def _is_number(value: object) -> bool:
    """Whether a value is a finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= 1e308 and math.isfinite(value)


def _is_known_or_not(value: object) -> bool:
    """Whether a value is such a number, or NaN, as an error is where no entry was held out."""
    return _is_number(value) or (isinstance(value, float) and math.isnan(value))


def _is_real(value: object) -> bool:
    """Whether a value is a finite number."""
    return _is_number(value) or _is_number(-value if isinstance(value, float) else value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_plain(value: object) -> bool:
    """Whether a value is text or a finite number."""
    return isinstance(value, str | int) or _is_real(value)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _map_of(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _is_dtype(value: object) -> bool:
    return isinstance(value, str) and value in _DTYPES


_NESTED = (
    "spec",
    "error",
    "also",
    "left_out",
    "law",
    "window",
    "test_matrix",
    "test_tensor",
    "rmse",
    "ridge",
    "labels",
    "coords",
)
_BONDS = ("rank", "left_sizes", "right_sizes")
_CHECKS: dict[str, Check] = {
    **dict.fromkeys(["kind", "method", "name", "draw_digest", "digest", "entries"], _is_text),
    **dict.fromkeys(["n_updates", "position", "pass", "readings", "n_passes"], _is_size),
    "n_evaluations": _is_size,
    **dict.fromkeys(
        ["transform_version", "subtracted", "range_size", "corange_size", "error_probes"], _is_size
    ),
    "blocks": _is_size,
    "seed": _is_seed,
    "seeds": _list_of(_is_seed),
    "bonds": _list_of(_is_size),
    **dict.fromkeys(["leverage", "losses"], _list_of(_is_number)),
    **dict.fromkeys(["overlap", "drift"], _list_of(_is_real)),
    "rank": lambda value: _is_size(value) or _list_of(_is_size)(value),
    **dict.fromkeys(["left_sizes", "right_sizes"], _list_of(_is_size)),
    **dict.fromkeys(["start_size", "block_rank", "nnz"], _or_none(_is_size)),
    "seen": _list_of(_is_size),
    "covers": _list_of(_or_none(_list_of(_list_of(_is_size)))),
    "cover": _or_none(_list_of(_list_of(_is_size))),
    "settled": _or_none(_list_of(_is_size)),
    "shape": _list_of(_or_none(_is_size)),
    "starts": _map_of(_is_size),
    **dict.fromkeys(["labels.dims", "labels.coords.dims"], _list_of(_is_text)),
    "labels.sizes": _list_of(_is_size),
    "labels.n_rows": _is_size,
    "attrs": _map_of(_is_plain),
    "axes": _map_of(_list_of(_is_size)),
    "kept": _list_of(_is_text),
    "dtype": _or_none(_is_dtype),
    **dict.fromkeys(["center", "exact", "one_sided", "orthogonal", "identity", "whiten"], _is_flag),
    **dict.fromkeys(["truncation", "floor", "blur", "power_iters"], _is_number),
    "spec.scale": _is_flag,
    **dict.fromkeys(["total_variance", "n_samples", "missed_variance"], _is_number),
    **dict.fromkeys(["residual", "error.norm", "rmse.norm"], _is_known_or_not),
    **dict.fromkeys(["passes", "sample", "n_rows", "n_short"], _is_size),
    **dict.fromkeys(["holdout", "ridge.weight", "ridge.scale"], _is_number),
    **dict.fromkeys(["spec.ridge", "ridge.bias_weight"], _or_none(_is_number)),
    "biases": _is_flag,
    "ranks": _list_of(_is_size),
    **dict.fromkeys(["first_panel", "degrees"], _is_size),
    "left_out.size": _is_number,
    "panels": _list_of(_list_of(_is_size)),
    "panel_sizes": _list_of(_list_of(_list_of(_is_size))),
    "ridge.level": _is_real,
    **dict.fromkeys(["norm", "dof", "roundoff", "rounding"], _or_none(_is_number)),
}
