"""Rows of a factor that data are multiplied by, in the form that a source multiplies fastest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..backend.array import Array, brought, namespace
from .kernels import HashedRows, StructuredRows


class FactorRows(Protocol):
    """Some rows of a test matrix or of a basis, in whichever form is asked for."""

    def array(self, like: Array) -> Array:
        """Return a dense array in the namespace, dtype and device of `like`."""

    def hashed(self, dtype: str) -> HashedRows | None:
        """Return the rows in hashed form where the test matrix is sparse."""

    def structured(self, dtype: str) -> StructuredRows | None:
        """Return the rows in a form that multiplies dense data faster than a dense array."""


class DenseRows:
    """What rows are that have no form but a dense array."""

    def hashed(self, dtype: str) -> None:
        """Return None: the rows are dense."""
        return None

    def structured(self, dtype: str) -> None:
        """Return None as well."""
        return None


@dataclass(frozen=True, eq=False)
class GivenRows(DenseRows):
    """An array in the role of rows of a test matrix."""

    values: Array

    def array(self, like: Array) -> Array:
        """Return the array where `like` is and in its precision, complex where it is complex."""
        return brought(self.values, like)


@dataclass(frozen=True, eq=False)
class RowsBeside(DenseRows):
    """Rows with further columns beside them: one product serves both."""

    rows: FactorRows
    further: FactorRows

    def array(self, like: Array) -> Array:
        """Return all columns."""
        rows = self.rows.array(like)
        return namespace(rows).concat([rows, self.further.array(rows)], axis=1)
