"""Convolution on a neighbourhood table: each slot of a row has its own weights, as each tap of a grid kernel has."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Bool, Integer, Shaped

from nitrix.backend import Backend, Implementation, choose
from nitrix.semiring._plain import aggregate, products
from nitrix.semiring._plain.aggregate import Edges
from nitrix.semiring._plain.ell import Slots
from nitrix.semiring._plain.ell_gathered import Sections
from nitrix.semiring._plain.slot_products import slot_products
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import LOG, REAL, builtin
from nitrix.semiring.operands import Operands, empty_sum, form, operands
from nitrix.semiring.paired import forward_only
from nitrix.semiring.stored import check_range, marked

NAME = "semiring_ell_conv"

ELL_CONV = (Implementation("jax", "nitrix.semiring._plain.aggregate", lambda: None),)


def semiring_ell_conv(
    indices: Integer[ArrayLike, "m k_max"],
    x: Shaped[ArrayLike, "*batch n c_in"],
    kernel: Shaped[ArrayLike, "k_max c_in c_out"],
    *,
    semiring: Semiring[Any] = REAL,
    mask: Bool[ArrayLike, "m k_max"] | None = None,
    backend: Backend = "auto",
) -> Shaped[Array, "*batch m c_out"]:
    """Convolve over a neighbourhood table: `out[i, o] = (+)_(p, c) x[indices[i, p], c] (*) kernel[p, c, o]`.

    The order of a row's neighbours says which weights each gets: number them by direction, as a stencil does. Slots are
    taken one after the other, for all rows or for blocks of them: the (m, k_max, c_in) table of neighbours is never
    made, forward or backward. Dtypes, NaN and infinities are treated as by `semiring_matmul`, ties as by
    `semiring_ell_edge_aggregate`. In reverse mode the cotangents of x are scattered, in an order that is not fixed on a
    GPU. JAX refuses forward mode of the first derivative; forward over reverse is served, except in LOG, where second
    derivatives need reverse over reverse.

    Args:
      indices: Row of x for each slot, from 0 to n - 1; those of slots that are masked may be anything.
      x: Features.
      kernel: Weights of each slot.
      semiring: The algebra.
      mask: True at slots that count. Default: all.
      backend: "auto", "pallas-cuda", "pallas-tpu" or "jax"; the plain path is the only implementation.
    Returns:
      The convolution; a row without slots is the algebra's identity.
    Raises:
      ValueError: If shapes do not fit or an index is out of range. Under `jit` their values cannot be looked at: a row
        with an index out of range then comes back NaN (integer and boolean results leave such slots out).
      TypeError: If indices are not integers or mask is not boolean; otherwise as `semiring_matmul`.
    Example:
      >>> ring = jnp.asarray([[2, 0, 1], [0, 1, 2], [1, 2, 0]])  # previous, self, next on a cycle of three
      >>> difference = jnp.asarray([-1.0, 0.0, 1.0])[:, None, None]
      >>> semiring_ell_conv(ring, jnp.asarray([[1.0], [2.0], [4.0]]), difference)
      Array([[-2.],
             [ 3.],
             [-1.]], dtype=float32)
    """
    indices, x, kernel = jnp.asarray(indices), jnp.asarray(x), jnp.asarray(kernel)
    mask = None if mask is None else jnp.asarray(mask)
    _check(indices, x, kernel, mask)
    n = x.shape[-2]
    counted = indices if mask is None or _traced(indices, mask) else jnp.where(mask, indices, 0)
    checked = not _traced(indices, mask) and check_range(NAME, counted, None, n, "x has as many rows")
    given = operands(NAME, semiring, x=x, kernel=kernel)
    choose(ELL_CONV, backend, function=NAME, arrays=(x, kernel))
    return _conv(indices, mask, x, kernel, semiring, given, checked)


@partial(jax.jit, static_argnames=("semiring", "given", "checked"))
def _conv(
    indices: Array,
    mask: Array | None,
    x: Array,
    kernel: Array,
    semiring: Semiring[Any],
    given: Operands,
    checked: bool,
) -> Array:
    (m, k_max), c_out = indices.shape, kernel.shape[2]
    valid, outside = mask, None
    if not checked:
        wrong = (indices < 0) | (indices >= x.shape[-2])
        wrong = wrong if mask is None else wrong & mask
        valid, outside = ~wrong if mask is None else mask & ~wrong, wrong.any(1)[:, None]
    if valid is not None:
        indices = jnp.where(valid, indices, 0)

    def one(x: Array) -> Array:
        if 0 in (m, k_max, *x.shape, c_out):
            return empty_sum(semiring, (m, c_out), given.working)
        if builtin(semiring) is None:
            return _users(semiring, indices, valid, x, given.take(kernel))
        if builtin(semiring) is REAL:
            return slot_products(x, given.take(kernel), indices, valid)
        matrix = Sections((Slots(jnp.zeros(indices.shape, x.dtype), indices, valid),), None, None)
        made_from = aggregate.Operands(
            given.take(kernel), jnp.zeros((m, 0), x.dtype), x, _values(matrix), None
        )
        like = form((c_out,), given.working)
        return aggregate.aggregate(semiring, message, made_from, matrix, None, like)

    # In LOG the definition, which forward over reverse could pass, streams where the product multiplies.
    derivable = None if builtin(semiring) is LOG else products.definition(semiring)
    of_slot = derivable or products.product(semiring)

    def message(kernel: Array, own: Array, rows: Array, value: Array, attribute: Any, at: Edges) -> Array:
        return of_slot(rows, kernel[at.number[0] % k_max])

    out = jnp.vectorize(one, signature="(n,c)->(m,o)")(given.take(x))
    return given.give_back(marked(out, outside))


def _values(matrix: Sections) -> tuple[Array, ...]:
    return tuple(group.values for group in matrix.groups)


def _users(semiring: Semiring[Any], indices: Array, valid: Array | None, x: Array, kernel: Array) -> Array:
    """The convolution over a user's algebra: every term is a term of one sum."""
    monoid = semiring.monoid

    def streamed(x: Array, kernel: Array) -> Array:
        def slot(state: Any, of: Any) -> tuple[Any, None]:
            column, counts, weights = of
            rows = x[column].T

            def channel(state: Any, term: Any) -> tuple[Any, None]:
                entry, weight = term
                new = monoid.update(state, semiring.binary_op.combine(entry[:, None], weight[None, :]))
                return jax.tree.map(lambda new, old: jnp.where(counts[:, None], new, old), new, state), None

            return lax.scan(channel, state, (rows, weights))[0], None

        counted = jnp.ones(indices.shape, bool) if valid is None else valid
        state = monoid.init((indices.shape[0], kernel.shape[2]), x.dtype)
        return monoid.finalize(lax.scan(slot, state, (indices.T, counted.T, kernel))[0])

    return forward_only(
        streamed,
        f"convolutions over the algebra {semiring.name!r} are forward-only; wrap the call in your own jax.custom_vjp.",
    )(x, kernel)


def _traced(*arrays: Array | None) -> bool:
    return any(isinstance(array, jax.core.Tracer) for array in arrays)


def _check(indices: Array, x: Array, kernel: Array, mask: Array | None) -> None:
    wanted = {"indices": (indices, "[m, k_max]"), "kernel": (kernel, "[k_max, c_in, c_out]")}
    for what, (array, axes) in wanted.items():
        if array.ndim != axes.count(",") + 1:
            raise ValueError(f"{NAME}: {what} has shape {array.shape}, but {axes} is needed.")
    if not jnp.issubdtype(indices.dtype, jnp.integer):
        raise TypeError(f"{NAME}: indices is of dtype {indices.dtype}, but integers are needed.")
    if x.ndim < 2 or (indices.shape[1], x.shape[-1]) != kernel.shape[:2]:
        raise ValueError(
            f"{NAME}: with indices {indices.shape}, x {x.shape} and kernel {kernel.shape}, kernel should be [k_max, "
            f"c_in, c_out]: {indices.shape[1]} slots, and the channels of x [..., n, c_in]."
        )
    if mask is not None and mask.shape != indices.shape:
        raise ValueError(
            f"{NAME}: mask has shape {mask.shape}, but that of indices, {indices.shape}, is needed."
        )
    if mask is not None and mask.dtype != bool:
        raise TypeError(
            f"{NAME}: mask is of dtype {mask.dtype}, but booleans are needed; compare, such as mask > 0."
        )
