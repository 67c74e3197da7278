"""`fold` and its backward companion `pull`, as loops of rank-1 terms over one tile of the output.

Both have one shape: an output O[p, q] is reduced over r, where each term is made of a column of a left
operand L[p, r], a row of one or more right operands R[r, q], and arrays of the output's own shape T[p, q]:

    fold           L = A       R = (B,)            T = ()
    pull, dB       L = A'      R = planes          T = (B,)
    pull, dA'      L = B       R = planes'         T = (A',)

A platform supplies that loop (`stream`) and nothing else. r is never padded with an identity: a platform
runs the terms that exist, or drops the state that a term beyond them has made.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix._kernels.rules import Fold, Rule, State, Weight

__all__ = [
    "OPERANDS",
    "accumulator",
    "carried",
    "check_rule",
    "fold_by",
    "like",
    "loaded",
    "pull_by",
    "split",
]

# (left, rights, tiles, rule) -> outputs [p, q]; p, q and r are at least 1.
Stream = Callable[[Array, State, State, Rule], State]

OPERANDS = ("float32", "float64", "bfloat16", "float16", "int32", "bool")


def accumulator(dtype: Any) -> np.dtype:
    """The dtype in which values of `dtype` are computed: 16-bit floats in float32, the others as they are."""
    dtype = np.dtype(dtype)
    return np.dtype("float32") if dtype.name in ("bfloat16", "float16") else dtype


def carried(dtype: Any) -> np.dtype:
    """The dtype of an array in a kernel's memory; one-byte elements could overflow 32-bit offsets."""
    dtype = np.dtype(dtype)
    return np.dtype("int32") if dtype == np.dtype("bool") else dtype


def loaded(value: Array, dtype: Any) -> Array:
    """A value read from a kernel's memory, of an array that had `dtype`, as the rules take it."""
    return value != 0 if np.dtype(dtype) == np.dtype("bool") else value.astype(accumulator(dtype))


def like(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    """The form of an array, without its values."""
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


def split(items: Sequence[Any], *sizes: int) -> list[Sequence[Any]]:
    """The items in consecutive groups of the given sizes."""
    ends = list(itertools.accumulate(sizes))
    return [items[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def fold_by(stream: Stream, A: Array, B: Array, rule: Fold, *, dtypes: Sequence[Any]) -> State:
    """Reduce over k: `rule` on the terms (A[i, k], B[k, j]) in the order of k."""
    _check_operands(A, B, function="fold")
    (m, k), n = A.shape, B.shape[1]
    outputs = tuple(np.dtype(d) for d in dtypes)
    check_rule(rule, accumulator(A.dtype), len(outputs))

    def init(shape: tuple[int, ...]) -> State:
        return rule.init(shape, accumulator(A.dtype))

    def step(state: State, column: Array, rows: State, tiles: State, index: Array, lines: Array) -> State:
        return rule.step(state, column, rows[0], index)

    if m == 0 or n == 0:
        return tuple(jnp.zeros((m, n), d) for d in outputs)
    if k == 0:
        return tuple(v.astype(d) for v, d in zip(rule.finish(init((m, n))), outputs, strict=True))
    return stream(A, (B,), (), Rule(init, step, rule.finish, outputs))


def pull_by(
    stream: Stream, A: Array, B: Array, planes: State, weight_a: Weight, weight_b: Weight
) -> tuple[Array, Array]:
    """The weights of both operands' entries, summed over the part of the product that they enter."""
    _check_operands(A, B, function="pull")
    product = (A.shape[0], B.shape[1])
    if not planes or any(plane.shape != product for plane in planes):
        raise ValueError(
            f"pull: planes have shapes {[p.shape for p in planes]}, expected at least one and all {product}; "
            f"give the statistics and the cotangent of the product of these operands."
        )
    if not jnp.issubdtype(A.dtype, jnp.floating):
        raise TypeError(f"pull: A and B are {A.dtype}, which has no gradient; give floating operands.")
    transposed = tuple(plane.T for plane in planes)
    dA_transposed = _pull_right(stream, B.T, A.T, transposed, lambda b, a, *rest: weight_a(a, b, *rest))
    return dA_transposed.T, _pull_right(stream, A, B, planes, weight_b)


def _pull_right(stream: Stream, A: Array, B: Array, planes: State, weight: Weight) -> Array:
    """dB[k, j] = sum_i weight(A[i, k], B[k, j], k, *planes[i, j])."""

    def init(shape: tuple[int, ...]) -> State:
        return (jnp.zeros(shape, accumulator(B.dtype)),)

    def step(state: State, column: Array, rows: State, tiles: State, index: Array, lines: Array) -> State:
        (total,) = state
        term = weight(column, tiles[0], lines, *rows)
        return (total + jnp.broadcast_to(term, total.shape).astype(total.dtype),)

    if A.shape[0] == 0 or 0 in B.shape:
        return jnp.zeros(B.shape, B.dtype)
    return stream(A.T, planes, (B,), Rule(init, step, lambda state: state, (B.dtype,)))[0]


def _check_operands(A: Array, B: Array, *, function: str) -> None:
    """Refuse operands that do not fit together or that no kernel loads."""
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(
            f"{function}: A{A.shape} and B{B.shape} are not [m, k] and [k, n]; "
            f"reshape or transpose one of them."
        )
    if A.dtype != B.dtype or A.dtype.name not in OPERANDS:
        raise TypeError(
            f"{function}: A is {A.dtype} and B is {B.dtype}; convert both to one of {', '.join(OPERANDS)}."
        )


def check_rule(rule: Fold, dtype: np.dtype, outputs: int, *, gathered: bool = False) -> None:
    """Refuse a rule whose state changes its form in a step, or whose outputs are not those asked for."""
    tile = (8, 16)
    before = jax.eval_shape(lambda: rule.init(tile, dtype))
    row, number = (tile, (8, 1)) if gathered else ((1, 16), ())
    operands = (like(s, d) for s, d in (((8, 1), dtype), (row, dtype), (number, np.int32)))
    after = jax.eval_shape(rule.step, before, *operands)
    forms = [[(x.shape, x.dtype.name) for x in state] for state in (before, after)]
    if forms[0] != forms[1] or any(shape != tile for shape, _ in forms[0]):
        raise ValueError(
            f"fold: for a tile of shape {tile} the state of the rule is {forms[0]} and {forms[1]} after a "
            f"step; every array of it must have the shape of the tile and keep its dtype."
        )
    results = [x.shape for x in jax.eval_shape(rule.finish, after)]
    if results != [tile] * outputs:
        raise ValueError(
            f"fold: for a tile of shape {tile} the rule finishes with shapes {results}, expected {outputs} "
            f"of that shape, one for each of the dtypes asked for."
        )
