"""How ELL products are made of a platform's kernels, forward and backward, for matrices flat or in sections."""

import math
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring import kernels
from nitrix.semiring._plain import ell
from nitrix.semiring._plain.ell import Slots
from nitrix.semiring._plain.ell_gathered import Sections
from nitrix.semiring._plain.euclidean import scale_of
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import BOOLEAN, EUCLIDEAN, LOG, builtin
from nitrix.semiring.operands import empty_sum
from nitrix.semiring.paired import paired_given, with_users_ell_rule

# (matrix [m, n], its transposed slots or None, B [n, c]) -> [m, c]
SparseProduct = Callable[[Sections, Sections | None, Array], Array]

# The weights of the backward rules: dvalues[i, p] = sum_c weight_a, and dB[j, c] the sum of weight_b over the slots of
# column j, each a function of values[i, p], B[j, c], the slot's number, and of planes [i, c]. With transposed slots dB
# gathers rows of the planes; without them it scatters, which a GPU does in an order that changes from run to run.


@cache
def product(kernel: ModuleType, semiring: Semiring[Any]) -> SparseProduct:
    """The product of a sparse matrix and a dense one by a platform's kernels, with its derivative."""
    fold, outputs = kernels.fold_of(semiring)
    algebra = builtin(semiring)

    def folded(rule: Any, dtypes: tuple[Any, ...], slots: Slots, B: Array, first: int) -> tuple[Array, ...]:
        indices = _counting(slots)
        if algebra is not EUCLIDEAN:
            return tuple(kernel.fold(slots.values, indices, None, B, rule, dtypes=dtypes, first=first))
        scale = scale_of(slots.values, B)  # as on the plain path
        outs = kernel.fold(slots.values / scale, indices, None, B / scale, rule, dtypes=dtypes, first=first)
        return tuple(out * scale for out in outs)

    def value(slots: Slots, B: Array) -> Array:
        return folded(fold, outputs(B.dtype), slots, B, 0)[0]

    if algebra is None or algebra is BOOLEAN:
        of_slots = value if algebra is BOOLEAN else with_users_ell_rule(value, semiring)
        return lambda matrix, columns, B: matrix.joined([of_slots(group, B) for group in matrix.groups])

    keeping, kept_dtypes = kernels.statistics_of(algebra, fold)
    planes_of, weight_a, weight_b = _rules(algebra)

    def value_and_statistics(given: Any, values: Any, B: Array) -> tuple[Array, tuple[Array, ...]]:
        matrix, _ = _held(given, values)
        dtypes = (B.dtype, *kept_dtypes(B.dtype))
        parts = [
            folded(keeping, dtypes, group, B, first) for group, first in zip(matrix.groups, _firsts(matrix))
        ]
        out, *statistics = (matrix.joined(list(part)) for part in zip(*parts))
        return out, tuple(statistics)

    def backward(given: Any, values: Any, B: Array, statistics: Any, g: Array) -> tuple[Any, Array]:
        matrix, columns = _held(given, values)
        planes = planes_of(*statistics, g)
        parted = list(zip(*map(matrix.parted, planes)))
        d_values = tuple(
            kernel.pull_values(group.values, _counting(group), None, B, own, weight_a, first=first)
            for group, own, first in zip(matrix.groups, parted, _firsts(matrix))
        )
        if columns is None:
            return d_values, _scattered(matrix, parted, B, weight_b)
        transposed = columns.holding_numbered(values)
        parts = [
            kernel.pull_dense(group.values, slots.values, _counting(slots), None, own, planes, weight_b)
            for group, slots, own in zip(transposed.groups, columns.groups, columns.parted(B))
        ]
        return d_values, columns.joined(parts)

    def definition(given: Any, values: Any, B: Array) -> Array:
        matrix, _ = _held(given, values)
        return matrix.joined([_defined(semiring, group, B) for group in matrix.groups])

    def only_value(given: Any, values: Any, B: Array) -> Array:
        matrix, _ = _held(given, values)
        return matrix.joined([value(group, B) for group in matrix.groups])

    of_values = paired_given(only_value, value_and_statistics, backward, definition)

    def multiply(matrix: Sections, columns: Sections | None, B: Array) -> Array:
        values = tuple(group.values for group in matrix.groups)
        structure = matrix._replace(groups=tuple(group._replace(values=None) for group in matrix.groups))
        return of_values((structure, columns), values, B)

    return multiply


def _held(given: Any, values: tuple[Array, ...]) -> tuple[Sections, Sections | None]:
    structure, columns = given
    groups = tuple(group._replace(values=v) for group, v in zip(structure.groups, values))
    return structure._replace(groups=groups), columns


def _counting(slots: Slots) -> Array:
    """The indices as the kernels take them: -1 where a slot does not count."""
    indices = slots.indices.astype(jnp.int32)
    return indices if slots.valid is None else jnp.where(slots.valid, indices, -1)


def _firsts(matrix: Sections) -> list[int]:
    """The number of each group's first slot."""
    firsts = [0]
    for group in matrix.groups:
        firsts.append(firsts[-1] + int(group.indices.size))
    return firsts[:-1]


def _defined(semiring: Semiring[Any], slots: Slots, B: Array) -> Array:
    if 0 in (*slots.indices.shape, *B.shape):
        return empty_sum(semiring, (slots.indices.shape[0], B.shape[1]), B.dtype)
    return ell.product(semiring, slots, B)


def _rules(algebra: Semiring[Any]) -> tuple[Callable[..., tuple[Array, ...]], Any, Any]:
    """The planes that the weights need, from the statistics and the cotangent, as few as will do; and the weights."""
    if algebra is LOG:

        def shares(maximum: Array, total: Array, g: Array) -> tuple[Array, ...]:
            finite = jnp.abs(maximum) < math.inf
            return maximum, jnp.where(finite, g / jnp.where(finite, total, 1), 0)

        def share(a: Array, b: Array, k: Array, maximum: Array, scaled: Array) -> Array:
            below = LOG.binary_op.combine(a, b) - maximum
            return jnp.where(scaled == 0, 0, jnp.exp(below) * scaled)

        return shares, share, share
    if algebra is EUCLIDEAN:

        def over_distance(out: Array, g: Array) -> tuple[Array, ...]:
            return (jnp.where(out == 0, 0, g / jnp.where(out == 0, 1, out)),)

        return over_distance, lambda a, b, k, w: (a - b) * w, lambda a, b, k, w: (b - a) * w
    return lambda *planes: planes, *kernels.weights_of(algebra)


def _scattered(matrix: Sections, parted: list[tuple[Array, ...]], B: Array, weight: Any) -> Array:
    """The cotangent of B, one slot of every row after the other."""
    dB, n = jnp.zeros_like(B), B.shape[0]
    for group, own, first in zip(matrix.groups, parted, _firsts(matrix)):
        indices = _counting(group)
        indices = jnp.where((indices < 0) | (indices >= n), n, indices)  # past the end: dropped
        numbers = first + jnp.arange(indices.size, dtype=jnp.int32).reshape(indices.shape)

        def one(dB: Array, slot: Any, own: Any = own) -> tuple[Array, None]:
            value, index, number = slot
            row = B.at[index].get(mode="clip")
            return dB.at[index].add(weight(value[:, None], row, number[:, None], *own), mode="drop"), None

        if indices.size and n:
            dB, _ = lax.scan(one, dB, (group.values.T, indices.T, numbers.T))
    return dB
