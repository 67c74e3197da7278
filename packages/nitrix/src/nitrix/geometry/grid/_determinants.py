"""Determinants and systems of a few unknowns at every voxel, entry by entry: no matrix is made."""

from collections.abc import Sequence

from jax import Array

Rows = Sequence[Sequence[Array]]


def determinant(rows: Rows) -> Array:
    """Expanded by the first row."""
    first, *rest = rows
    if not rest:
        return first[0]
    minors = [determinant([[*row[:j], *row[j + 1 :]] for row in rest]) for j in range(len(first))]
    return sum(
        (-1) ** j * (entry * minor) for j, (entry, minor) in enumerate(zip(first, minors, strict=True))
    )


def solution(rows: Rows, right: Sequence[Array]) -> list[Array]:
    """x of rows x = right, by Cramer's rule."""
    whole = determinant(rows)

    def replaced(j: int) -> Rows:
        return [[*row[:j], b, *row[j + 1 :]] for row, b in zip(rows, right, strict=True)]

    return [determinant(replaced(j)) / whole for j in range(len(right))]
