"""The exact model of a linear sketch: the data as a dense array, and a bound of the rounding."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from strategies import parts

EPS = 2.0**-53


@dataclass(frozen=True)
class Dense:
    """What a sketch must hold: data, how far they reach, and how far the sums may be off.

    The sums are ``A T`` for known matrices T. A product of k terms in precision u is off by
    ``gamma_k(u) |A| |T|`` entrywise (Higham 2002, section 3.5), hence by `budget` ``|T|_F`` in the
    Frobenius norm, where each chunk adds ``gamma_k(u) |chunk|_F`` to the budget, and each addition
    of sums, which are doubles, a roundoff of what is held then.
    """

    values: np.ndarray
    seen: tuple[int, ...]
    n_updates: int = 0
    budget: float = 0.0

    @classmethod
    def empty(cls, spec: Any, canvas: tuple[int, ...]) -> Dense:
        """Return the model of a sketch without data; axes that grow may reach to the canvas."""
        return cls(np.zeros(canvas), (0,) * len(spec.shape))

    @property
    def terms(self) -> int:
        """Most terms of any product, with its conversions and the sums of its blocks."""
        return 8 * sum(self.values.shape) + 64

    def added(self, chunk: Any, at: tuple[int, ...]) -> Dense:
        """Return the model with a chunk added at a place."""
        values = self.values.astype(np.result_type(self.values, chunk.values))
        place = tuple(slice(a, a + n) for a, n in zip(at, chunk.values.shape, strict=True))
        values[place] += chunk.values
        reach = map(sum, zip(at, chunk.values.shape, strict=True))
        gamma = self.terms * max(chunk.roundoff, EPS)
        return dataclasses.replace(
            self,
            values=values,
            seen=tuple(map(max, self.seen, reach)),
            n_updates=self.n_updates + 1,
            budget=self.budget + gamma * np.linalg.norm(chunk.values) + self._rounding(values),
        )

    def scaled(self, factor: Any) -> Dense:
        """Return the model times a number."""
        values = (
            self.values * complex(factor)
            if np.iscomplexobj(factor)
            else (self.values * float(factor))
        )
        size = abs(complex(factor))
        return dataclasses.replace(
            self, values=values, budget=size * self.budget + self._rounding(values)
        )

    def plus(self, other: Dense) -> Dense:
        """Return the model of a merged sketch."""
        values = self.values + other.values
        held = self._rounding(values) + self._rounding(self.values) + self._rounding(other.values)
        return dataclasses.replace(
            self,
            values=values,
            seen=tuple(map(max, self.seen, other.seen)),
            n_updates=self.n_updates + other.n_updates,
            budget=self.budget + other.budget + held,
        )

    def _rounding(self, values: np.ndarray) -> float:
        return 4 * EPS * float(np.linalg.norm(values)) + 1e-300

    def shape(self, spec: Any) -> tuple[int, ...]:
        """Return the shape that the sketch must have."""
        pairs = zip(self.seen, spec.shape, strict=True)
        return tuple(seen if size is None else size for seen, size in pairs)

    def data(self, spec: Any) -> np.ndarray:
        """Return the data within that shape."""
        return self.values[tuple(map(slice, self.shape(spec)))]

    def check(self, sk: Any) -> None:
        """Compare a sketch with the model."""
        assert sk.shape == self.shape(sk.spec), (sk.shape, self.shape(sk.spec))
        assert sk.n_updates == self.n_updates, (sk.n_updates, self.n_updates)
        got = parts(sk)
        if not got:
            assert not self.values.any(), "a sketch without sums of data that are not zero"
            return
        expected = products(sk.spec, self.data(sk.spec))
        assert got.keys() == expected.keys()
        for name, (exact, size) in expected.items():
            off = float(np.linalg.norm(got[name] - exact))
            assert off <= self.budget * size, (name, off, self.budget * size)


def products(spec: Any, a: np.ndarray) -> dict[str, tuple[np.ndarray, float]]:
    """Return the sums of a sketch by their definition, and the norms of what multiplies."""
    return (matrix_products if a.ndim == 2 else tensor_products)(spec, a)


def rows(spec: Any, name: str, width: int, size: int) -> np.ndarray:
    """Return a test matrix of a spec."""
    like = np.empty(0, "complex128" if spec.field == "complex" else "float64")
    return np.asarray(spec.draw(name, width).rows(0, size).array(like))


def matrix_products(spec: Any, a: np.ndarray) -> dict[str, tuple[np.ndarray, float]]:
    m, n = a.shape
    omega = rows(spec, "range", spec.range_size, n)
    found = {"range": ((a @ omega).T, omega)}
    corange = getattr(spec, "corange_size", 0)
    for name, width in (("corange", corange), ("error", spec.error_probes)):
        if width:
            psi = rows(spec, name, width, m)
            found[name] = (psi.conj().T @ a, psi)
    return {name: (exact, float(np.linalg.norm(test))) for name, (exact, test) in found.items()}


def tensor_products(spec: Any, a: np.ndarray) -> dict[str, tuple[np.ndarray, float]]:
    maps, d = spec.maps(), a.ndim
    left_sizes, right_sizes = (1, *spec.left_sizes), (*spec.right_sizes, 1)
    found = {}
    for mode in range(d):
        before, n = int(np.prod(a.shape[:mode])), a.shape[mode]
        left = [x[:, : left_sizes[mode]] for x in interfaces(maps["left"], a.shape[:mode], 0)]
        right = [
            x[:, : right_sizes[mode]]
            for x in interfaces(maps["right"], a.shape[mode + 1 :], mode + 1)
        ]
        cube = a.reshape(before, n, -1)
        psi = np.einsum("xl,xny,yr->lrn", left[0], cube, right[0])
        found[f"psi_{mode}"] = psi, float(np.linalg.norm(left[1]) * np.linalg.norm(right[1]))
        if mode < d - 1:
            behind = [
                x[:, : spec.left_sizes[mode]]
                for x in interfaces(maps["left"], a.shape[: mode + 1], 0)
            ]
            omega = behind[0].T @ a.reshape(before * n, -1) @ right[0]
            sizes = np.linalg.norm(behind[1]) * np.linalg.norm(right[1])
            found[f"omega_{mode}"] = omega, float(sizes)
    if spec.error_probes:
        probes = interfaces(maps["error"], a.shape, 0)
        found["probe"] = (a.ravel() @ probes[0])[:, None], float(np.linalg.norm(probes[1]))
    return found


def interfaces(test: Any, shape: tuple[int, ...], first: int) -> list[np.ndarray]:
    """Return a test tensor over some modes as a matrix, and the same of the sizes of its cores."""
    found = []
    modes = range(first, first + len(shape))
    for size in (lambda x: x, np.abs):
        x = np.ones((1, 1, 1))
        for mode in modes if test.side == "left" else reversed(modes):
            core = size(test.draw(mode, 0, shape[mode - first]))
            grown = "bri,bino->brno" if test.side == "left" else "bri,bino->bnro"
            x = np.einsum(grown, np.broadcast_to(x, (core.shape[0], *x.shape[1:])), core)
            x = x.reshape(core.shape[0], -1, core.shape[3])
        found.append(x.transpose(1, 0, 2).reshape(x.shape[1], -1))
    return found
