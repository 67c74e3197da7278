"""Averages over neighbours with Gaussian weights of their distance in feature space, and their derivative.

With d_ij = scale (f_i - f_j), w_ij = exp(-|d_ij|^2 / 2) over the slots of row i that count, s_i = sum_j w_ij and
p_ij = w_ij / s_i, the average is out_i = sum_j p_ij v_j. For cotangents g_i of out_i,

  dv_j = sum_i p_ij g_i,      df_i = -scale sum_j q_ij d_ij,      df_j = scale sum_i q_ij d_ij,
  q_ij = p_ij (g_i . v_j - g_i . out_i),

and, since the weights depend on scale f alone, d scale = sum_i f_i df_i / scale for each feature. The backward pass
makes the weights again. What belongs to neighbours is scattered or, where it is known which rows name a point, gathered
in a second sweep.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from nitrix.semiring.paired import paired_given
from nitrix.smoothing._neighbour_sums import (
    Differences,
    Points,
    Slots,
    in_blocks,
    inner_products,
    neighbours,
    one_more,
    row_sums,
    take,
    weighted_sums,
)


class Neighbourhood(NamedTuple):
    """Who is averaged over whom: groups of rows; the same by columns, if known."""

    groups: tuple[Slots, ...]
    order: Array | None  # where each row stands in the concatenated groups
    columns: tuple[Slots, ...] | None
    column_order: Array | None
    alive: Array | None  # bool [n]


class _Rows(NamedTuple):
    """What a forward pass leaves of each row for the backward pass."""

    out: Array
    shift: Array  # the squared distance that was subtracted from all
    inverse: Array  # 1 / s, and 0 for a row of no weight


def average(neighbourhood: Neighbourhood, features: Array, scale: Array, values: Array) -> Array:
    """[n, d_f], [d_f], [n, d_v] -> [n, d_v]; a row without weight keeps its own value."""
    return _average(neighbourhood, (features, scale), values)


def _forward(neighbourhood: Neighbourhood, metric: Any, values: Array) -> tuple[Array, _Rows]:
    points, values = _points(neighbourhood, *metric), one_more(values)
    parts = []
    for group in neighbourhood.groups:
        if group.indices.size == 0:
            zeros = jnp.zeros(group.rows.shape, values.dtype)
            parts.append(_Rows(take(values, group.rows), zeros, zeros))
            continue

        def one(carry: None, slots: Slots, new: Array) -> tuple[None, _Rows]:
            at, valid = neighbours(slots, points.alive, points.last)
            squared = Differences(points, slots.rows, at).squared()
            sums, total, shift = _sums(squared, valid, at, values)
            none = total == 0
            inverse = jnp.where(none, 0, 1 / jnp.where(none, 1, total))
            averages = jnp.where(none[:, None], take(values, slots.rows), sums * inverse[:, None])
            return None, _Rows(averages, shift, inverse)

        parts.append(in_blocks(group, values.shape[1], one, recompute=True)[1])
    rows = _joined(parts, neighbourhood.order)
    return rows.out, jax.tree.map(lax.stop_gradient, rows)


def _sums(squared: Array, valid: Array | None, at: Array, values: Array) -> tuple[Array, Array, Array]:
    """Weighted sums of values, sums of weights, and the squared distance taken off where all weights would vanish."""
    least = 1e-25 if squared.dtype == jnp.float32 else 1e-250

    def weights(squared: Array) -> Array:
        exponent = squared / -2
        return jnp.exp(exponent if valid is None else jnp.where(valid, exponent, -jnp.inf))

    def unshifted() -> tuple[Array, Array, Array]:
        return weighted_sums(weight, take(values, at)), total, jnp.zeros_like(total)

    def shifted() -> tuple[Array, Array, Array]:
        counted = squared if valid is None else jnp.where(valid, squared, jnp.inf)
        nearest = lax.stop_gradient(counted.min(1))
        nearest = jnp.where(jnp.isfinite(nearest), nearest, 0)
        weight = weights(squared - nearest[:, None])
        return weighted_sums(weight, take(values, at)), row_sums(weight), nearest

    weight = weights(squared)
    total = row_sums(weight)
    vanishing = total < least
    if valid is not None:
        vanishing = vanishing & valid.any(1)
    return lax.cond(vanishing.any(), shifted, unshifted)


def _backward(
    neighbourhood: Neighbourhood, metric: Any, values: Array, rows: _Rows, g: Array
) -> tuple[tuple[Array, Array], Array]:
    (features, scale), n_values = metric, values.shape[1]
    points = _points(neighbourhood, features, scale)
    weightless = (rows.inverse == 0)[:, None]
    of_own = jnp.where(weightless, g, 0)
    # g_i / s_i, and its product with out_i: a weight needs no other sum then.
    part = jnp.where(weightless, 0, g * rows.inverse[:, None])
    mean = one_more((part * jnp.where(weightless, 0, rows.out)).sum(1))
    part, values, shift = one_more(part), one_more(values), one_more(rows.shift)
    width = n_values + features.shape[1]
    gathers = neighbourhood.columns is not None

    def weights(squared: Array, shift: Array, valid: Array | None) -> Array:
        weight = jnp.exp((shift - squared) / 2)
        return weight if valid is None else jnp.where(valid, weight, 0)

    def by_rows(scattered: Any, slots: Slots, new: Array) -> tuple[Any, Array]:
        own = slots.rows
        at, valid = neighbours(slots, points.alive, points.last)
        d = Differences(points, own, at)
        w = weights(d.squared(), take(shift, own)[:, None], valid)
        mine = take(part, own)
        q = w * (inner_products(take(values, at), mine) - take(mean, own)[:, None])
        if gathers:
            return None, -d.summed(q) * scale
        w, q = (jnp.where(new[:, None], x, 0) for x in (w, q))
        to_features = q[..., None] * (d.rows() * scale)
        flat = jnp.concatenate([w[..., None] * mine[:, None], to_features], -1).reshape(-1, width)
        scattered = scattered.at[at.reshape(-1)].add(flat, mode="promise_in_bounds")
        return scattered, -weighted_sums(jnp.ones_like(q), to_features)

    def by_columns(_: None, slots: Slots, new: Array) -> tuple[None, Array]:
        own = slots.rows
        at, valid = neighbours(slots, None, points.last)
        d = Differences(points, own, at)
        w = weights(d.squared(), take(shift, at), valid)
        theirs = take(part, at)
        q = w * (inner_products(theirs, take(values, own)) - take(mean, at))
        # The difference that counts is that of the other point to the own one.
        return None, jnp.concatenate([weighted_sums(w, theirs), -d.summed(q) * scale], -1)

    def none(group: Slots, width: int) -> Array:
        return jnp.zeros((group.indices.shape[0], width), values.dtype)

    scattered = None if gathers else jnp.zeros((points.last + 1, width), values.dtype)
    parts = []
    for group in neighbourhood.groups:
        if group.indices.size == 0:
            parts.append(none(group, features.shape[1]))
            continue
        scattered, d_own = in_blocks(group, width, by_rows, scattered)
        parts.append(d_own)
    d_features = _joined(parts, neighbourhood.order)
    if neighbourhood.columns is None:
        to_neighbours = jnp.zeros((points.last, width), values.dtype) if scattered is None else scattered[:-1]
    else:
        by_column = [
            in_blocks(group, width, by_columns)[1] if group.indices.size else none(group, width)
            for group in neighbourhood.columns
        ]
        to_neighbours = _joined(by_column, neighbourhood.column_order)
    d_values = of_own + to_neighbours[:, :n_values]
    d_features = d_features + to_neighbours[:, n_values:]
    return (d_features, _to_scale(features, scale, d_features)), d_values


def _to_scale(features: Array, scale: Array, d_features: Array) -> Array:
    """Measured from the middle, since only differences of features count."""
    if not features.shape[0]:
        return jnp.zeros_like(scale)
    middle = (features.max(0) + features.min(0)) / 2
    none = scale == 0
    return jnp.where(none, 0, ((features - middle) * d_features).sum(0) / jnp.where(none, 1, scale))


def _points(neighbourhood: Neighbourhood, features: Array, scale: Array) -> Points:
    alive = neighbourhood.alive
    return Points(one_more(features), scale, None if alive is None else one_more(alive))


def _joined(parts: list[Any], order: Array | None) -> Any:
    """Results of the groups in the order of the points."""
    if order is None:
        return parts[0]
    return jax.tree.map(lambda *x: jnp.concatenate(x)[order], *parts)


_average = paired_given(
    value=lambda *operands: _forward(*operands)[0],
    value_and_statistics=_forward,
    backward=_backward,
    definition=lambda *operands: _forward(*operands)[0],
)
