"""What all kernels share: operands read, one compiled program, the result in the operands' dtype."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from nitrix._arguments import common_dtype, known_value, real_array
from nitrix.linalg.kernel._metric import Metric, metric_of
from nitrix.linalg.kernel._rows import SparseRows, column_sums, over_tiles, rows_of

Measure = Callable[[Array, Array, Metric], Array]
Finish = Callable[..., Array]


def pairwise(
    measure: Measure,
    finish: Finish,
    X0: Any,
    X1: Any,
    theta: Any,
    numbers: Callable[[int], tuple[Any, ...]],
    *,
    function: str,
    centred: bool = False,
    squares: bool = True,
    weighs: bool = False,
) -> Float[Array, "... n m"]:
    """`finish(measure(x, y), *numbers(d))` of all pairs; distances are `centred`, and 0 of a row with itself."""
    rows, d = rows_of(X0, function, "X0")
    others, d_others = (None, d) if X1 is None else rows_of(X1, function, "X1")
    if d != d_others:
        raise ValueError(
            f"{function}: X0 has {d} features but X1 has {d_others}; they must be the same ones."
        )
    metric = metric_of(theta, d, function, squares=squares, weighs=weighs)
    weights = [x for x in metric if x is not None]
    _check_batches(function, rows, others, *weights)
    given = common_dtype(rows.dtype, *(x.dtype for x in (others, *weights) if x is not None))
    dtype = np.dtype(np.float32) if given.itemsize <= 2 else given
    as_dtype = lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x  # noqa: E731
    rows, others, metric = jax.tree.map(as_dtype, (rows, others, metric))
    scalars = tuple(jnp.asarray(number, dtype=dtype) for number in numbers(d))
    out = _evaluate(rows, others, metric, scalars, measure=measure, finish=finish, d=d, centred=centred)
    return out.astype(given)


@functools.partial(jax.jit, static_argnames=("measure", "finish", "d", "centred"))
def _evaluate(
    rows: Any,
    others: Any,
    metric: Metric,
    numbers: tuple[Array, ...],
    *,
    measure: Measure,
    finish: Finish,
    d: int,
    centred: bool,
) -> Array:
    itself = others is None
    others = rows if itself else others
    centre = _centre(rows, others, d) if centred else None

    def from_centre(x: Array, y: Array) -> Array:
        return measure(x, y, metric) if centre is None else measure(x - centre, y - centre, metric)

    out = over_tiles(from_centre, rows, others, d)
    if itself and centred:
        out = jnp.where(jnp.eye(out.shape[-1], dtype=bool), _zero_unless_nan(out), out)
    return finish(out, *numbers)


def _centre(rows: Any, others: Any, d: int) -> Float[Array, "... 1 d"]:
    """The mean of all rows: a shift that no distance depends on, so that nothing is differentiated through it."""
    rows, others = lax.stop_gradient((rows, others))
    count = _count(rows) + _count(others)
    return (column_sums(rows, d) + column_sums(others, d)) / max(count, 1)


def _count(rows: Any) -> int:
    return rows.n if isinstance(rows, SparseRows) else int(rows.shape[-2])


def _zero_unless_nan(x: Array) -> Array:
    return lax.stop_gradient(jnp.where(jnp.isfinite(x), jnp.zeros((), x.dtype), x))


def _check_batches(function: str, rows: Any, others: Any, *weights: Array) -> None:
    """Refuse leading axes that do not broadcast."""
    arrays = [rows, others]
    shapes = {
        name: (x.groups[0][0] if isinstance(x, SparseRows) else x).shape[:-2]
        for name, x in zip(("X0", "X1", "theta"), (*arrays, *weights), strict=False)
        if x is not None
    }
    try:
        jnp.broadcast_shapes(*shapes.values())
    except ValueError:
        given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{function}: the leading axes do not broadcast: {given}.") from None


def scalar(
    name: str, value: Any, function: str, *, positive: bool = False, at_least_zero: bool = False
) -> Any:
    """One real number that a kernel depends on; where it is traced and out of range, NaN."""
    number = real_array(value, function, name)
    if number.ndim:
        raise ValueError(f"{function}: {name} has shape {number.shape}; give one number.")
    wanted = "finite" + (" and positive" if positive else " and not negative" if at_least_zero else "")
    known = known_value(number)
    if known is None:
        bounded = number > 0 if positive else number >= 0 if at_least_zero else True
        return jnp.where(jnp.isfinite(number) & bounded, number, jnp.nan)
    if not math.isfinite(known) or (positive and known <= 0) or (at_least_zero and known < 0):
        raise ValueError(f"{function}: {name}={known} must be {wanted}.")
    return number if isinstance(value, jax.Array) else value


def per_feature(gamma: Any, d: int, function: str, *, at_least_zero: bool) -> Any:
    """gamma, or its default 1 / d."""
    if gamma is None:
        return 1 / max(d, 1)
    return scalar("gamma", gamma, function, at_least_zero=at_least_zero)
