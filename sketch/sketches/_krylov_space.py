"""A block Krylov space with its products, as the steps of the iteration hand it on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

from ..backend.array import Array, cast, dtype_name, namespace, to_host
from ..errors import NonFiniteError
from ..finalize import (
    FusedRange,
    combined_norms,
    fused_range,
    orthonormalized,
    product_norms,
)
from ..numerics.linalg import adjoint, frobenius_norm, rescaled, scale_exponent
from ._alternating import AlternatingSpec
from ._state import Kept
from ._sums import Sums
from ._tall import Tall, as_tall, held


@dataclass(frozen=True, eq=False)
class Space:
    """A block Krylov space.

    Attributes
    ----------
    v : array, shape (n, L)
        Orthonormal columns.
    squares : array, shape (n, L)
        ``A^* A V``.
    range : Tall
        ``A V``.
    x, z : array, shape (n, b)
        The last block, and ``A^* A X``.
    exponent : int
        Of a power of two that A was divided by: 0 for most data. Squares of others, which are near
        the ends of the range, would be beyond it.
    norms : array, shape (L,)
        Of the columns of ``A V``, or of those that they were combined of: rounding errors go by
        them.
    """

    v: Array
    squares: Array
    range: Tall
    x: Array
    z: Array
    exponent: int
    norms: Array

    def restarted(self, lead: Array) -> Space:
        """Return the space of some combinations of its columns."""
        return dataclasses.replace(
            self,
            v=self.v @ lead,
            squares=self.squares @ lead,
            range=self.range.multiplied(lead),
            norms=combined_norms(self.norms, lead),
        )

    def kept(self) -> Kept:
        """Return what a state keeps of it."""
        arrays = {"space": self.v, "squares": self.squares, "range": held(self.range)}
        arrays["norms"] = self.norms
        return {**arrays, "exponent": namespace(self.v).asarray(float(self.exponent))}

    @classmethod
    def grown(cls, sums: Sums, y: Tall, z: Array, exponent: int) -> Self:
        """Return the space with a further block of products ``Y = A X`` and ``Z = A^* Y``."""
        kept, xp = sums.kept, namespace(z)
        if "block" not in kept:
            omega = sums.maps["first"].rows(0, sums.shape[1]).array(z)
            omega = cast(cast(omega, precision(sums, omega)), dtype_name(z.dtype))
            x, inverse, back = orthonormalized(omega, z)
            norms = combined_norms(product_norms(omega, z), inverse)
            y, z = y.multiplied(inverse), back
        else:
            x = cast(kept["block"], dtype_name(z.dtype))
            norms = product_norms(x, z)
        if "space" not in kept:
            return cls(x, z, y, x, z, exponent, norms)
        v = xp.concat([kept["space"], x], axis=1)
        squares = xp.concat([kept["squares"], z], axis=1)
        norms = xp.concat([_norms(sums), norms])
        return cls(v, squares, as_tall(kept["range"]).beside(y), x, z, exponent, norms)


def after_pass(spec: AlternatingSpec, sums: Sums) -> tuple[Kept, Space | None]:
    """Return what is kept of a pass, and the space that it ends a step of, None amid a step."""
    kept: Kept = {}
    if sums.number == spec.probed_pass and spec.error_probes:
        kept["probes"] = held(sums.tall("error").copy())
    if spec.is_left(sums.number):
        inside = sums.kept["inside"]
        e = scale_exponent(inside) if "space" not in sums.kept else exponent_of(sums)
        y = as_tall(sums.kept["half"]).rescaled(-e)
        z = adjoint(rescaled(sums.whole("corange"), -e)) @ rescaled(inside, -e)
    elif spec.passes_made(sums) == 2:
        y, z, e = sums.tall("range"), adjoint(sums.whole("back")), 0
    else:
        y = sums.tall("range")
        q = y.basis()
        return kept | {"basis": held(q), "half": held(y.copy()), "inside": y.inside(q)}, None
    if not frobenius_norm(z) < float("inf"):
        raise NonFiniteError("squares of the data overflow; scale the data")
    return kept, Space.grown(sums, y, z, e)


def next_pass(block: Array, *, done: bool) -> Kept:
    """Return what is kept of the block to multiply by, and whether there is more to find."""
    here = namespace(block).asarray(0.0 if done else 1.0)
    return {"open": here, "block": block, "basis": block}


def in_its_range(sums: Sums) -> Sums:
    """Return the sums with a basis of ``A V``, in which the result lies."""
    q = as_tall(sums.kept["range"]).basis()
    passes = dataclasses.replace(sums.state.passes, kept={**sums.kept, "basis": held(q)})
    return dataclasses.replace(sums, state=sums.state.having(passes=passes), found={})


def all_readings(spec: AlternatingSpec, sums: Sums) -> FusedRange:
    """Return what all readings tell of ``Q^* A`` for a basis Q of the range."""
    q, back = as_tall(sums.kept["basis"]), adjoint(sums.kept["squares"])
    inside, e = as_tall(sums.kept["range"]).inside(q), exponent_of(sums)
    size, roundoff = spec.data_size(sums, rescaled(inside, e))
    norms = [float(x) for x in to_host(_norms(sums))]
    found = fused_range(inside, back, rescaled(size, -e), roundoff, norms)
    return dataclasses.replace(found, b=rescaled(found.b, e), floor=rescaled(found.floor, e))


def exponent_of(sums: Sums) -> int:
    """Return the exponent of the space; states of earlier versions do not tell it."""
    return int(float(sums.kept.get("exponent", 0.0)))


def _norms(sums: Sums) -> Array:
    """Return the norms that rounding errors go by; states of earlier versions do not tell them."""
    kept = sums.kept
    return kept["norms"] if "norms" in kept else product_norms(kept["space"], kept["squares"])


def precision(sums: Sums, x: Array) -> str:
    """Return the dtype in which an array is multiplied with the data."""
    single = sums.dtype in ("float32", "complex64")
    name = dtype_name(x.dtype)
    return {"float64": "float32", "complex128": "complex64"}.get(name, name) if single else name
