"""`fold` of a sparse matrix in ELL form and its backward companions, as loops over the slots of a tile of rows.

A matrix is values V[m, k_max] in columns I[m, k_max]; a slot whose column is not from 0 to n - 1 does not count,
and past a row's degree none does. Slots have numbers: `first + i * k_max + p`, so that a matrix may be a section of
a larger one. `fold` and the cotangent of B have one shape: an output O[p, q] is reduced over r slots, where each term
is made of a slot's value and number, of the row of one or more arrays G that its index names, and of arrays of the
output's own shape T[p, q]:

    fold               slots of the matrix          G = (B,)      T = ()
    pull_dense, dB     slots of the transpose       G = planes    T = (B,)

The transpose of the matrix is stored as slots too: their indices are rows of the matrix. A platform supplies that
loop (`stream`), and `pull_values` apart, since it reduces over the columns instead. A slot that does not count leaves
the state as it was.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix._kernels.rank_one import OPERANDS, accumulator, check_rule
from nitrix._kernels.rules import Fold, Rule, State, Weight

__all__ = ["Slots", "counting", "fold_by", "pull_dense_by", "pull_values_by"]


class Slots(NamedTuple):
    """Rows of slots, each array [p, r], p and r at least 1."""

    values: Array
    indices: Array  # int32; -1, or anything else out of range, where a slot does not count
    numbers: Array | int  # int32; one number stands for itself and those that follow


# (slots, gathered, tiles, rule) -> outputs [p, q]. In the rule's step, `column` [bp, 1] is the slots' values, `rows`
# [bp, bq] are the gathered ones, and `index` [bp, 1] the slots' numbers.
Stream = Callable[[Slots, State, State, Rule], State]

# (slots, B, planes, weight) -> [p, r], of the dtype of B
Reduce = Callable[[Slots, Array, State, Weight], Array]


def fold_by(
    stream: Stream,
    values: Array,
    indices: Array,
    degree: Array | None,
    B: Array,
    rule: Fold,
    *,
    dtypes: Sequence[Any],
    first: int,
) -> State:
    """Reduce over the slots of each row: `rule` on the terms (V[i, p], B[I[i, p], j]) in the order of p."""
    slots = _slots("fold", values, indices, degree, B, first)
    shape = (values.shape[0], B.shape[1])
    outputs = tuple(np.dtype(d) for d in dtypes)
    check_rule(rule, accumulator(B.dtype), len(outputs), gathered=True)

    def init(shape: tuple[int, ...]) -> State:
        return rule.init(shape, accumulator(B.dtype))

    def step(state: State, column: Array, rows: State, tiles: State, index: Array, lines: Array) -> State:
        return rule.step(state, column, rows[0], index)

    if 0 in shape:
        return tuple(jnp.zeros(shape, d) for d in outputs)
    if 0 in (values.shape[1], B.shape[0]):
        return tuple(v.astype(d) for v, d in zip(rule.finish(init(shape)), outputs, strict=True))
    return stream(slots, (B,), (), Rule(init, step, rule.finish, outputs))


def pull_dense_by(
    stream: Stream,
    values: Array,
    numbers: Array,
    indices: Array,
    degree: Array | None,
    B: Array,
    planes: State,
    weight: Weight,
) -> Array:
    """dB[j, c] = sum_q weight(V'[j, q], B[j, c], N'[j, q], *planes[I'[j, q], c]) over the slots of the transpose."""
    slots = _slots("pull_dense", values, indices, degree, planes[0] if planes else B, 0)
    m, c = planes[0].shape if planes else (0, -1)
    _check_floating("pull_dense", B)
    if values.shape[0] != B.shape[0] or numbers.shape != values.shape or values.dtype != B.dtype:
        raise ValueError(
            f"pull_dense: the transposed slots have values {values.dtype}{values.shape} and numbers "
            f"{numbers.shape}; give one row of both for each row of B, {B.dtype}{B.shape}."
        )
    if c != B.shape[1] or any(plane.shape != (m, c) for plane in planes):
        raise ValueError(
            f"pull_dense: planes have shapes {[p.shape for p in planes]}, expected at least one and all "
            f"[m, {B.shape[1]}]; give the statistics and the cotangent of the product with this B."
        )

    def init(shape: tuple[int, ...]) -> State:
        return (jnp.zeros(shape, accumulator(B.dtype)),)

    def step(state: State, column: Array, rows: State, tiles: State, index: Array, lines: Array) -> State:
        (total,) = state
        term = weight(column, tiles[0], index, *rows)
        return (total + jnp.broadcast_to(term, total.shape).astype(total.dtype),)

    if 0 in (*values.shape, *B.shape, m):
        return jnp.zeros(B.shape, B.dtype)
    slots = slots._replace(numbers=numbers.astype(jnp.int32))
    return stream(slots, planes, (B,), Rule(init, step, lambda state: state, (B.dtype,)))[0]


def pull_values_by(
    reduce: Reduce,
    values: Array,
    indices: Array,
    degree: Array | None,
    B: Array,
    planes: State,
    weight: Weight,
    *,
    first: int,
) -> Array:
    """dV[i, p] = sum_c weight(V[i, p], B[I[i, p], c], number, *planes[i, c]), 0 at slots that do not count."""
    slots = _slots("pull_values", values, indices, degree, B, first)
    _check_floating("pull_values", B)
    product = (values.shape[0], B.shape[1])
    if not planes or any(plane.shape != product for plane in planes):
        raise ValueError(
            f"pull_values: planes have shapes {[p.shape for p in planes]}, expected at least one and all {product}; "
            f"give the statistics and the cotangent of the product of these operands."
        )
    if 0 in (*values.shape, *B.shape):
        return jnp.zeros(values.shape, values.dtype)
    return reduce(slots, B, planes, weight)


def _slots(
    function: str, values: Array, indices: Array, degree: Array | None, dense: Array, first: int
) -> Slots:
    """The slots, checked."""
    if values.ndim != 2 or dense.ndim != 2 or indices.shape != values.shape:
        raise ValueError(
            f"{function}: values{values.shape}, indices{indices.shape} and the array{dense.shape} whose rows are "
            f"gathered are not [m, k_max], [m, k_max] and [n, c]; reshape them."
        )
    if function != "pull_dense" and (values.dtype != dense.dtype or dense.dtype.name not in OPERANDS):
        raise TypeError(
            f"{function}: values are {values.dtype} and B is {dense.dtype}; convert both to one of "
            f"{', '.join(OPERANDS)}."
        )
    return Slots(values, counting(function, indices, degree), first)


def counting(function: str, indices: Array, degree: Array | None) -> Array:
    """The indices as int32, with -1 in the place of each that is past its row's degree."""
    if not jnp.issubdtype(indices.dtype, jnp.integer):
        raise TypeError(f"{function}: indices are {indices.dtype}; convert them to int32.")
    indices = indices.astype(jnp.int32)
    if degree is None:
        return indices
    if degree.shape != indices.shape[:1]:
        raise ValueError(
            f"{function}: degree has shape {degree.shape}; give one number for each of {indices.shape[0]} rows."
        )
    past = jnp.arange(indices.shape[1], dtype=jnp.int32) >= degree.astype(jnp.int32)[:, None]
    return jnp.where(past, -1, indices)


def _check_floating(function: str, B: Array) -> None:
    if not jnp.issubdtype(B.dtype, jnp.floating):
        raise TypeError(f"{function}: B is {B.dtype}, which has no gradient; give floating operands.")
