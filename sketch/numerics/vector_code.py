"""Steps of the kernels for grouped rows in vector instructions, which LLVM does not find by itself.

Eight rows are read, transformed and added to eight others: loops with so many streams are not
vectorised, because each might be one of the others. Vectors are lines of the cache, and become
what the processor has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from .grouped_rows import LINE

_INT, _LANE = ir.IntType(64), ir.IntType(32)


class Structure(Protocol):
    """What stands for an array in the code being built."""

    data: ir.Value


class Context(Protocol):
    """What numba asks of a machine that it compiles for."""

    def get_value_type(self, kind: types.Type, /) -> ir.Type:
        """Return the type of a value in the code being built."""

    def get_abi_sizeof(self, kind: ir.Type, /) -> int:
        """Return the bytes of a value."""

    def make_array(self, kind: types.Type, /) -> Callable[..., Structure]:
        """Return what makes the structure of an array."""

    def get_dummy_value(self) -> ir.Value:
        """Return what stands for nothing."""


class _Lines:
    """What reads, shuffles and writes lines of items of an array, in the code being built."""

    def __init__(self, context: Context, builder: ir.IRBuilder, array: Any) -> None:
        dtype = array.dtype
        self.builder = builder
        self.parts = 2 if isinstance(dtype, types.Complex) else 1
        real = dtype.underlying_float if self.parts == 2 else dtype
        self.real = context.get_value_type(real)
        self.size = context.get_abi_sizeof(self.real)
        self.lanes = LINE // self.size

    def vector(self, lanes: int) -> ir.VectorType:
        """Return the type of so many real numbers."""
        return ir.VectorType(self.real, lanes)

    def load(self, address: ir.Value, lanes: int) -> ir.Value:
        """Read real numbers."""
        pointer = self.builder.inttoptr(address, self.vector(lanes).as_pointer())
        return self.builder.load(pointer, align=self.size)

    def store(self, value: ir.Value, address: ir.Value) -> None:
        """Write real numbers."""
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        self.builder.store(value, pointer, align=self.size)

    def shuffle(self, a: ir.Value, b: ir.Value, order: Sequence[int]) -> ir.Value:
        """Return lanes of a and, counted on, of b."""
        mask = ir.Constant(ir.VectorType(_LANE, len(order)), list(order))
        return self.builder.shuffle_vector(a, b, mask)

    def spread(self, number: ir.Value, lanes: int) -> ir.Value:
        """Return a real number in every lane."""
        none = ir.Constant(self.vector(lanes), ir.Undefined)
        one = self.builder.insert_element(none, number, ir.Constant(_LANE, 0))
        return self.shuffle(one, none, lanes * [0])

    def times(self, x: ir.Value, sign: ir.Value) -> ir.Value:
        """Return a vector times a sign: real, or complex as a pair."""
        b, lanes = self.builder, x.type.count
        if self.parts == 1:
            return b.fmul(x, self.spread(sign, lanes), flags=["contract"])
        re, im = (self.spread(b.extract_value(sign, k), lanes) for k in (0, 1))
        turned = self.shuffle(x, x, [k ^ 1 for k in range(lanes)])
        minus = ir.Constant(self.vector(lanes), [-1.0, 1.0] * (lanes // 2))
        turned = b.fmul(b.fmul(turned, minus), im, flags=["contract"])
        return b.fadd(b.fmul(x, re, flags=["contract"]), turned, flags=["contract"])


def _step(make: Callable[..., object]) -> Any:
    """Return what numba calls without the first argument, which it fills in."""
    return intrinsic(make)


def _parts(
    context: Context, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
) -> Callable[[int], Structure]:
    """Return what makes the structure of the array that an argument is."""
    return lambda k: context.make_array(signature.args[k])(context, builder, arguments[k])


def _address(builder: ir.IRBuilder, array: Structure) -> ir.Value:
    return builder.ptrtoint(array.data, _INT)


def _entry(builder: ir.IRBuilder, array: Structure, at: ir.Value) -> ir.Value:
    return builder.load(builder.gep(array.data, [at]))


def _butterfly(b: ir.IRBuilder, x: list[ir.Value]) -> list[ir.Value]:
    """Return the Hadamard transform of 8 vectors."""
    for step in (1, 2, 4):
        for k in range(8):
            if not k & step:
                y, z = x[k], x[k + step]
                x[k] = b.fadd(y, z, flags=["contract"])
                x[k + step] = b.fsub(y, z, flags=["contract"])
    return x


@_step
def add_transformed(typing, a, a_at, signs, out, out_at, scales, g, first, count):  # type: ignore[no-untyped-def]
    """Add to 8 rows of `out` the signed Hadamard transform of 8 rows of `a`, those of group g.

    ``out_h[first:first + count] += scales[g, h] sum_t H[t, h] signs[g, t] a_t[same]``; row t begins
    ``a_at[g, t]`` bytes into a, row h ``out_at[g, h]`` bytes into `out`. Tables are in C order.
    """

    def codegen(
        context: Context, b: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        lines = _Lines(context, b, signature.args[0])
        table = _parts(context, b, signature, arguments)
        *_, g, first, count = arguments
        skip = b.mul(first, ir.Constant(_INT, lines.size * lines.parts))
        entries = [b.add(b.mul(g, ir.Constant(_INT, 8)), ir.Constant(_INT, t)) for t in range(8)]
        sources, targets = (
            [b.add(base, _entry(b, table(k + 1), t)) for t in entries]
            for k, base in ((k, b.add(_address(b, table(k)), skip)) for k in (0, 3))
        )
        factors = [_entry(b, table(2), t) for t in entries]
        weights = [_entry(b, table(5), t) for t in entries]

        def step(lanes: int, at: ir.Value) -> None:
            offset = b.mul(at, ir.Constant(_INT, lines.size))
            x = [lines.load(b.add(source, offset), lanes) for source in sources]
            x = _butterfly(b, [lines.times(*pair) for pair in zip(x, factors, strict=True)])
            for value, weight, target in zip(x, weights, targets, strict=True):
                place = b.add(target, offset)
                more = b.fmul(value, lines.spread(weight, lanes), flags=["contract"])
                lines.store(b.fadd(lines.load(place, lanes), more, flags=["contract"]), place)

        numbers = b.mul(count, ir.Constant(_INT, lines.parts))
        whole = b.and_(numbers, ir.Constant(_INT, -lines.lanes))
        for lanes, begin, end in (
            (lines.lanes, ir.Constant(_INT, 0), whole),
            (lines.parts, whole, numbers),
        ):
            with cgutils.for_range_slice(b, begin, end, ir.Constant(_INT, lanes)) as (at, _):
                step(lanes, at)
        return context.get_dummy_value()

    return types.void(a, a_at, signs, out, out_at, scales, g, first, count), codegen


@_step
def fetch_line(typing, a, at):  # type: ignore[no-untyped-def]
    """Ask for the line of the cache that is `at` bytes into `a`, before it is read."""

    def codegen(
        context: Context, b: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Constant:
        table = _parts(context, b, signature, arguments)
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _LANE, _LANE, _LANE])
        fetch = b.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        how = [ir.Constant(_LANE, x) for x in (0, 2, 1)]  # for a read, to the second cache, data
        b.call(fetch, [b.inttoptr(b.add(_address(b, table(0)), arguments[1]), byte), *how])
        return context.get_dummy_value()

    return types.void(a, at), codegen


@_step
def transpose_line(typing, a, rows_at, column, out, places):  # type: ignore[no-untyped-def]
    """Write a square of `a`, of as many rows and columns as a line has items, by its columns.

    Row k begins ``rows_at[k]`` bytes into a. Column `column` and those behind it become lines of
    `out`, column j line ``places[j]``.
    """

    def codegen(
        context: Context, b: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        lines = _Lines(context, b, signature.args[0])
        table = _parts(context, b, signature, arguments)
        column, parts = arguments[2], lines.parts
        items = lines.lanes // parts
        skip = b.mul(column, ir.Constant(_INT, lines.size * parts))
        base = b.add(_address(b, table(0)), skip)
        starts = [_entry(b, table(1), ir.Constant(_INT, k)) for k in range(items)]
        x = [lines.load(b.add(base, start), lines.lanes) for start in starts]
        lane = [(i, p) for i in range(items) for p in range(parts)]
        step = 1
        while step < items:  # blocks off the diagonal change places
            low = [parts * (i if not i & step else items + i - step) + p for i, p in lane]
            high = [parts * (i + step if not i & step else items + i) + p for i, p in lane]
            for k in range(items):
                if not k & step:
                    y, z = x[k], x[k + step]
                    x[k], x[k + step] = lines.shuffle(y, z, low), lines.shuffle(y, z, high)
            step *= 2
        to = _address(b, table(3))
        for k, value in enumerate(x):
            at = b.add(column, ir.Constant(_INT, k))
            place = b.mul(_entry(b, table(4), at), ir.Constant(_INT, LINE))
            lines.store(value, b.add(to, place))
        return context.get_dummy_value()

    return types.void(a, rows_at, column, out, places), codegen
