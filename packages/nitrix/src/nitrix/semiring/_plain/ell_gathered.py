"""ELL products whose derivative gathers: through the transposed slots, so that nothing is scattered.

A matrix may come in sections, groups of rows with a k_max of their own; its slots are numbered through the sections in
turn. The transposed slots are a matrix of slot numbers, whose rows are the columns of the first.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix._apart import apart
from nitrix.semiring._plain import ell, log
from nitrix.semiring._plain.ell import Slots
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import EUCLIDEAN, LOG, REAL, TROPICAL_MAX_PLUS, builtin

WIDTH = 64  # columns that one pass over the slots sums into the cotangent of the values


class Sections(NamedTuple):
    """A sparse matrix as groups of rows; one group without `rows` and `order` is a flat one."""

    groups: tuple[Slots, ...]
    rows: tuple[Array, ...] | None  # the row number of each row of each group
    order: Array | None  # where each row stands in the concatenated groups

    @property
    def size(self) -> int:
        """How many slots there are."""
        return sum(int(group.indices.size) for group in self.groups)

    def joined(self, parts: list[Array]) -> Array:
        """One array for each group -> one, in the order of the rows."""
        return parts[0] if self.order is None else jnp.concatenate(parts)[self.order]

    def parted(self, plane: Array) -> list[Array]:
        """An array in the order of the rows -> one for each group."""
        return [plane] if self.rows is None else [plane[rows] for rows in self.rows]

    def numbers(self) -> list[Array]:
        """The number of each slot, one array for each group."""
        first, numbers = 0, []
        for group in self.groups:
            size = group.indices.size
            numbers.append(jnp.arange(first, first + size, dtype=jnp.int32).reshape(group.indices.shape))
            first += size
        return numbers

    def holding(self, values: tuple[Any, ...]) -> "Sections":
        """The same slots with other values."""
        return self._replace(groups=tuple(g._replace(values=v) for g, v in zip(self.groups, values)))

    def holding_numbered(self, values: tuple[Any, ...]) -> "Sections":
        """Transposed slots -> the transposed matrix: each slot number becomes the value that it names."""
        flat = jax.tree.map(lambda *parts: jnp.concatenate([x.reshape(-1) for x in parts]), *values)
        return self.holding(tuple(jax.tree.map(lambda x, at=g.values: x[at], flat) for g in self.groups))


# Over slots (i, p) of value v in column j, a weight that depends on planes [m, c] of row i gives
#   dv[i, p] = sum_c weight(v[i, p], B[j, c], planes[i, c]),
#   dB[j, c] = sum_(i, p) weight(v[i, p], B[j, c], planes[i, c]).
# The first gathers rows of B, the second rows of the planes. In LOG, values and entries of B are split.

Weight = Callable[..., Array]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def product(semiring: Semiring[Any], matrix: Sections, columns: Sections, B: Array) -> Array:
    """The product of a built-in algebra, [m, c]; its reverse mode gathers through `columns`."""
    return matrix.joined([_product(semiring, group, B) for group in matrix.groups])


def _remember(semiring: Semiring[Any], matrix: Sections, columns: Sections, B: Array) -> tuple[Array, Any]:
    numbers = matrix.numbers()
    matrix, dense = _prepared(semiring, matrix, B)
    parts = [_with_statistics(semiring, *group, dense) for group in zip(matrix.groups, numbers)]
    out, *statistics = (matrix.joined(list(part)) for part in zip(*parts))
    return out, (matrix, columns, dense, out, statistics)


def _pull(semiring: Semiring[Any], kept: Any, g: Array) -> tuple[Sections, None, Array]:
    matrix, columns, B, out, statistics = kept
    weight_v, weight_b = _weights(semiring)
    some = _some_index(matrix)
    planes = apart(partial(_planes, semiring), some, out, statistics, g)

    def to_values(matrix: Sections, B: Any, planes: tuple[Array, ...]) -> tuple[Array, ...]:
        weight = lambda v, p, own, b: weight_v(v, b, p, *own)  # noqa: E731
        groups = zip(matrix.groups, matrix.numbers(), _parted(matrix, planes))
        return tuple(_summed_over_columns(weight, *group, B) for group in groups)

    def to_dense(columns: Sections, values: Any, B: Any, planes: tuple[Array, ...]) -> Array:
        groups = zip(columns.holding_numbered(values).groups, columns.groups, _parted(columns, B))
        parts = (
            _summed_over_slots(weight_b, group, slots.values, own, planes) for group, slots, own in groups
        )
        return columns.joined(list(parts))

    d_values = apart(to_values, some, matrix, B, planes)
    values = tuple(group.values for group in matrix.groups)
    return _cotangent(d_values), None, apart(to_dense, some, columns, values, B, planes)


product.defvjp(_remember, _pull)


# The transposed product out[j] = (+) v[i, p] (*) X[i] over the slots of column j is the product of the transposed
# slots; both its cotangents gather planes [n, c] of the columns by the slots of the matrix itself.


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def transposed_product(semiring: Semiring[Any], matrix: Sections, columns: Sections, X: Array) -> Array:
    """The transposed product of a built-in algebra, [n, c]; nothing is scattered in either direction."""
    transposed = columns.holding_numbered(tuple(group.values for group in matrix.groups))
    return columns.joined([_product(semiring, group, X) for group in transposed.groups])


def _remember_transposed(
    semiring: Semiring[Any], matrix: Sections, columns: Sections, X: Array
) -> tuple[Array, Any]:
    matrix, dense = _prepared(semiring, matrix, X)
    transposed = columns.holding_numbered(tuple(group.values for group in matrix.groups))
    groups = zip(transposed.groups, columns.groups)
    parts = [_with_statistics(semiring, group, slots.values, dense) for group, slots in groups]
    out, *statistics = (columns.joined(list(part)) for part in zip(*parts))
    return out, (matrix, dense, out, statistics)


def _pull_transposed(semiring: Semiring[Any], kept: Any, g: Array) -> tuple[Sections, None, Array]:
    matrix, X, out, statistics = kept
    weight_v, weight_b = _weights(semiring)
    some = _some_index(matrix)
    planes = apart(partial(_planes, semiring), some, out, statistics, g)

    def to_values(matrix: Sections, X: Any, planes: tuple[Array, ...]) -> tuple[Array, ...]:
        weight = lambda v, p, own, planes: weight_v(v, own, p, *planes)  # noqa: E731
        groups = zip(matrix.groups, matrix.numbers(), _parted(matrix, X))
        return tuple(_summed_over_columns(weight, *group, planes) for group in groups)

    def to_dense(matrix: Sections, X: Any, planes: tuple[Array, ...]) -> Array:
        groups = zip(matrix.groups, matrix.numbers(), _parted(matrix, X))
        return matrix.joined([_summed_over_slots(weight_b, *group, planes) for group in groups])

    d_values = apart(to_values, some, matrix, X, planes)
    return _cotangent(d_values), None, apart(to_dense, some, matrix, X, planes)


transposed_product.defvjp(_remember_transposed, _pull_transposed)


def _some_index(matrix: Sections) -> Array:
    return next(group.indices for group in matrix.groups if group.indices.size)


def _parted(matrix: Sections, planes: Any) -> list[Any]:
    """An array, or a structure of arrays, in the order of the rows -> one for each group."""
    leaves, structure = jax.tree.flatten(planes)
    return [jax.tree.unflatten(structure, parts) for parts in zip(*map(matrix.parted, leaves))]


def _cotangent(d_values: tuple[Array, ...]) -> Sections:
    groups = tuple(Slots(d, None, None) for d in d_values)  # type: ignore[arg-type]
    return Sections(groups, None, None)


def _prepared(semiring: Semiring[Any], matrix: Sections, dense: Array) -> tuple[Sections, Any]:
    """The operands as the loops take them: in LOG, split."""
    if builtin(semiring) is not LOG:
        return matrix, dense

    def split(values: tuple[Array, ...], dense: Array) -> tuple[tuple[log.Split, ...], log.Split]:
        return tuple(log.split(v) for v in values), log.split(dense)

    values = tuple(group.values for group in matrix.groups)
    split_values, split_dense = apart(split, _some_index(matrix), values, dense)
    return matrix.holding(split_values), split_dense


def _product(semiring: Semiring[Any], group: Slots, B: Array) -> Array:
    return ell.value(semiring, group, B) if 0 in group.indices.shape else ell.product(semiring, group, B)


def _with_statistics(semiring: Semiring[Any], group: Slots, numbers: Array, B: Any) -> tuple[Array, ...]:
    """The product of one group, and what its weights need beside it."""
    algebra = builtin(semiring)
    if algebra is LOG:  # one branch for each part: in one, XLA would make the first again for the second
        E = _alone(ell.log_exponent, group, B)
        s = _alone(ell.log_sum, group, B, E)
        return log.value(E, s), E, s
    out = _product(semiring, group, B)
    if algebra is REAL or algebra is EUCLIDEAN:
        return (out,)
    return out, _alone(partial(_attained, algebra is TROPICAL_MAX_PLUS), group, numbers, B)


def _attained(largest: bool, group: Slots, numbers: Array, B: Array) -> Array:
    """The number of the first slot that attains each entry, -1 where none does."""
    _, slot = ell.attained(group, B, largest, ell.UNROLLED)
    if group.indices.shape[1] == 0:
        return slot
    number = jnp.take_along_axis(numbers, jnp.maximum(slot, 0), axis=1)
    return jnp.where(slot < 0, -1, number)


def _alone(function: Callable[..., Array], group: Slots, *operands: Any) -> Array:
    if 0 in group.indices.shape:
        return function(group, *operands)
    return apart(function, group.indices, group, *operands)


def _planes(semiring: Semiring[Any], out: Array, statistics: list[Array], g: Array) -> tuple[Array, ...]:
    """What the weights need of each row, from the statistics and the cotangent."""
    algebra = builtin(semiring)
    if algebra is REAL:
        return (g,)
    if algebra is LOG:
        E, s = statistics
        some = (s != 0) & ~jnp.isinf(E)
        return E, jnp.where(some, g / jnp.where(some, s, 1), 0)
    if algebra is EUCLIDEAN:
        return (jnp.where(out == 0, 0, g / jnp.where(out == 0, 1, out)),)
    return statistics[0], g


def _weights(semiring: Semiring[Any]) -> tuple[Weight, Weight]:
    """(value, entry of B, slot number, *planes) -> the cotangents of the value and of the entry."""
    algebra = builtin(semiring)
    if algebra is REAL:
        return (lambda v, b, p, g: b * g), (lambda v, b, p, g: v * g)
    if algebra is LOG:
        share: Weight = lambda v, b, p, E, w: ell.log_share(v, b, E) * w  # noqa: E731
        return share, share
    if algebra is EUCLIDEAN:
        return (lambda v, b, p, w: (v - b) * w), (lambda v, b, p, w: (b - v) * w)
    chosen: Weight = lambda v, b, p, slot, g: jnp.where(slot == p, g, 0)  # noqa: E731
    return chosen, chosen


def _summed_over_slots(
    weight: Weight, group: Slots, numbers: Array, own: Any, planes: tuple[Array, ...]
) -> Array:
    """[r, c]: the weights of a row's slots, with rows of `planes` gathered."""

    def step(total: Array, slot: Any, gathered: Any, valid: Array | None, _: Array) -> Array:
        value, number = slot
        return total + ell.kept(valid, weight(value, own, number, *gathered), 0)

    numbered = group._replace(values=(group.values, numbers))
    total = jnp.zeros((group.indices.shape[0], planes[-1].shape[1]), planes[-1].dtype)
    return ell.fold(total, step, numbered, planes, ell.UNROLLED)


def _summed_over_columns(weight: Weight, group: Slots, numbers: Array, own: Any, gathered: Any) -> Array:
    """[r, k_max]: weight(value, number, own, row of gathered) of each slot, summed over all columns."""
    r, k_max = group.indices.shape
    leaf = jax.tree.leaves(gathered)[-1]
    total, c = jnp.zeros((k_max, r), leaf.dtype), leaf.shape[1]
    if 0 in (k_max, r, c):
        return total.T
    slots = jax.tree.map(jnp.transpose, (group.values, group.indices, numbers))

    def block(total: Array, own: Any, gathered: Any) -> Array:
        def one(slot: Any) -> Array:
            value, index, number = jax.tree.map(lambda x: x[:, None], slot)
            return _row_sums(weight(value, number, own, jax.tree.map(lambda x: x[index[:, 0]], gathered)))

        if k_max <= ell.UNROLLED:
            return total + jnp.stack([one(ell.line(slots, p)) for p in range(k_max)])
        return total + lax.map(one, slots)

    def step(number: Array, total: Array) -> Array:
        cut = lambda x: lax.dynamic_slice_in_dim(x, number * WIDTH, WIDTH, 1)  # noqa: E731
        return block(total, *jax.tree.map(cut, (own, gathered)))

    whole = c // WIDTH if c > WIDTH else 0
    if whole:
        total = lax.fori_loop(0, whole, step, total)
    if c > whole * WIDTH:
        total = block(total, *jax.tree.map(lambda x: x[:, whole * WIDTH :], (own, gathered)))
    return total.T  # of slots that do not count, too: their values are masked outside


def _row_sums(x: Array) -> Array:
    """[r, c] -> [r] by halves: XLA fuses that into one pass, several times as fast as its own sum."""
    c = x.shape[1]
    if c == 1:
        return x[:, 0]
    half = c // 2
    paired = _row_sums(x[:, :half] + x[:, half : 2 * half])
    return paired + x[:, -1] if c % 2 else paired
