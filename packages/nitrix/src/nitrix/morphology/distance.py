"""Distance of every voxel to the nearest one of the background."""

import functools
import math
from typing import Any, Literal, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Shaped

from nitrix._arguments import check_width, known_value, per_axis, spatial_axes
from nitrix.morphology._chamfer import Moves, chamfer, moves_of
from nitrix.morphology._separable import (
    METRICS,
    Metric,
    far,
    nearest,
    powers,
    reaches,
    whole_powers,
    whole_weights,
)

_SCIPY_NAMES = {"chessboard": "chebyshev", "taxicab": "city_block"}
_Indices = Int[Array, "..."]


@overload
def distance_transform(
    mask: Shaped[ArrayLike, "*shape"],
    *,
    metric: str | None = None,
    spacing: Any = None,
    structuring_element: Shaped[ArrayLike, "*kshape"] | None = None,
    return_indices: Literal[False] = False,
    spatial_rank: int | None = None,
) -> Float[Array, "*shape"]: ...
@overload
def distance_transform(
    mask: Shaped[ArrayLike, "*shape"],
    *,
    metric: str | None = None,
    spacing: Any = None,
    structuring_element: Shaped[ArrayLike, "*kshape"] | None = None,
    return_indices: Literal[True],
    spatial_rank: int | None = None,
) -> tuple[Float[Array, "*shape"], _Indices]: ...
def distance_transform(
    mask: Shaped[ArrayLike, "*shape"],
    *,
    metric: str | None = None,
    spacing: Any = None,
    structuring_element: Shaped[ArrayLike, "*kshape"] | None = None,
    return_indices: bool = False,
    spatial_rank: int | None = None,
) -> Float[Array, "*shape"] | tuple[Float[Array, "*shape"], _Indices]:
    """Measure how far each voxel of a mask is from the nearest background voxel, centre to centre.

    Exact for every metric and spacing. Where there is no background the distance is infinite (SciPy measures to a
    place outside of the image); there are no other special values.

    With equal spacings, or such whose squares (lengths, where not Euclidean) are whole multiples of the smallest
    one's, and known before tracing, the computation runs in whole numbers and rounds once, in the root: in 16 bits, and
    where a distance reaches 181 voxels (Euclidean; else 32,767) once more in 32. Other spacings run in floats: in
    float32 the distances are then right to about 1e-6 of their value. The time per voxel grows with the largest
    distance, up to the length of the axes.

    Differentiable in `spacing`, in both modes and to every order, through the nearest background voxel (one of them,
    where there are several); where the distance is 0 or infinite the derivative is 0. Not in the mask, which is a
    matter of yes or no, nor in the structuring element, which must be known before tracing.

    Args:
      mask: Nonzero voxels are measured, zeros are the background; bool, integers or floats (NaN is not zero).
      metric: "euclidean" (the default), "city_block" (steps along the axes; SciPy's "taxicab") or "chebyshev" (the
        largest of the steps; SciPy's "chessboard").
      spacing: Size of a voxel in mm, one or one per spatial axis; 1 if not given. Distances are in its unit; they are
        NaN where a traced one is not finite and positive.
      structuring_element: Instead of a metric, the steps that are allowed from voxel to voxel, as many axes as are
        spatial: true entries are steps of cost 1 (the distance counts dilations by the element, that of
        `scipy.ndimage.distance_transform_cdt` with a structure), numbers are the costs of steps (a chamfer distance),
        inf leaves a step out. The step leads from the centre, at half of each size, to the entry. Ways stay inside
        of the image. The time grows with the largest number of steps.
      return_indices: Also give where the nearest background voxel is, for the metrics.
      spatial_rank: The last this many axes are spatial, those before are batch axes, measured apart; None: all are.
    Returns:
      Distances, in float32 (float64 in 64-bit mode). With `return_indices` also the places, int32 of shape
      `[*batch, rank, *spatial]`, -1 where there is no background. Where several background voxels are equally near, any
      of them (SciPy may name another one).
    Raises:
      ValueError: If the metric is unknown, a spacing is not finite and positive, the shapes do not fit, the cost of a
        step is negative or NaN, or a structuring element is given together with a metric, a spacing or indices.
      TypeError: If the mask or the element is not made of real numbers, or the element is traced.
    References:
      P. F. Felzenszwalb, D. P. Huttenlocher, Distance transforms of sampled functions. Theory of Computing 8 (19),
      2012. doi:10.4086/toc.2012.v008a019. G. Borgefors, Distance transformations in digital images. Computer Vision,
      Graphics, and Image Processing 34 (3), 1986. doi:10.1016/S0734-189X(86)80047-0
    Example:
      >>> import jax.numpy as jnp
      >>> mask = jnp.asarray([[1, 1, 1, 1], [1, 1, 1, 0]], bool)
      >>> distance_transform(mask, metric="city_block", spacing=(1.0, 2.0))
      Array([[7., 5., 3., 1.],
             [6., 4., 2., 0.]], dtype=float32)
    """
    name = "distance_transform"
    foreground, axes = _foreground(mask, spatial_rank, name)
    if structuring_element is not None:
        for other, given in (
            ("metric", metric is not None),
            ("spacing", spacing is not None),
            ("return_indices", return_indices),
        ):
            if given:
                raise ValueError(
                    f"{name}: structuring_element and {other} are both given; the element has steps and costs of its "
                    f"own, so leave {other} out."
                )
        return _by_steps(moves_of(structuring_element, len(axes), name), len(axes), foreground)
    return _measured(foreground, _metric(metric, name), spacing, return_indices, len(axes), name)


@overload
def distance_transform_edt(
    mask: Shaped[ArrayLike, "*shape"],
    *,
    spacing: Any = None,
    sampling: Any = None,
    return_indices: Literal[False] = False,
    spatial_rank: int | None = None,
) -> Float[Array, "*shape"]: ...
@overload
def distance_transform_edt(
    mask: Shaped[ArrayLike, "*shape"],
    *,
    spacing: Any = None,
    sampling: Any = None,
    return_indices: Literal[True],
    spatial_rank: int | None = None,
) -> tuple[Float[Array, "*shape"], _Indices]: ...
def distance_transform_edt(
    mask: Shaped[ArrayLike, "*shape"],
    *,
    spacing: Any = None,
    sampling: Any = None,
    return_indices: bool = False,
    spatial_rank: int | None = None,
) -> Float[Array, "*shape"] | tuple[Float[Array, "*shape"], _Indices]:
    """Measure the exact Euclidean distance to the nearest background voxel: `distance_transform` under SciPy's name.

    Equal to `scipy.ndimage.distance_transform_edt`, but: distances are float32 outside of 64-bit mode, infinite where
    there is no background, and batch axes are measured apart.

    Args:
      mask: Nonzero voxels are measured, zeros are the background.
      spacing: Size of a voxel in mm, one or one per spatial axis; 1 if not given.
      sampling: SciPy's name for `spacing`; give one of them.
      return_indices: Also give where the nearest background voxel is.
      spatial_rank: The last this many axes are spatial; None: all are.
    Returns:
      Distances, and with `return_indices` the places `[*batch, rank, *spatial]`, as `distance_transform` gives them.
    Raises:
      ValueError: If both `spacing` and `sampling` are given, or one is not finite and positive or has a wrong length.
      TypeError: If the mask is not made of real numbers.
    References:
      P. F. Felzenszwalb, D. P. Huttenlocher, Distance transforms of sampled functions. Theory of Computing 8 (19),
      2012. doi:10.4086/toc.2012.v008a019
    Example:
      >>> import jax.numpy as jnp
      >>> distance_transform_edt(jnp.asarray([[1, 1], [1, 0]]), spacing=(3.0, 4.0))
      Array([[5., 3.],
             [4., 0.]], dtype=float32)
    """
    name = "distance_transform_edt"
    if spacing is not None and sampling is not None:
        raise ValueError(f"{name}: spacing and sampling are the same thing; give one of them.")
    foreground, axes = _foreground(mask, spatial_rank, name)
    size = sampling if spacing is None else spacing
    return _measured(foreground, METRICS["euclidean"], size, return_indices, len(axes), name)


def signed_distance_transform(
    mask: Shaped[ArrayLike, "*shape"],
    *,
    metric: str | None = None,
    spacing: Any = None,
    spatial_rank: int | None = None,
) -> Float[Array, "*shape"]:
    """Measure distances on both sides of a mask's border: positive inside, negative outside.

    Inside it is the distance to the nearest background voxel, outside minus the distance to the nearest voxel of the
    mask, both from centre to centre, so that no voxel has 0 and neighbours across the border differ by two steps.
    Without background every distance is inf, without mask -inf. Derivatives as those of `distance_transform`.

    Args:
      mask: Nonzero voxels are inside.
      metric: "euclidean" (the default), "city_block" or "chebyshev".
      spacing: Size of a voxel in mm, one or one per spatial axis; 1 if not given.
      spatial_rank: The last this many axes are spatial; None: all are.
    Returns:
      Signed distances, in float32 (float64 in 64-bit mode).
    Raises:
      ValueError: If the metric is unknown, or a spacing is not finite and positive or has a wrong length.
      TypeError: If the mask is not made of real numbers.
    References:
      P. F. Felzenszwalb, D. P. Huttenlocher, Distance transforms of sampled functions. Theory of Computing 8 (19),
      2012. doi:10.4086/toc.2012.v008a019
    Example:
      >>> import jax.numpy as jnp
      >>> signed_distance_transform(jnp.asarray([0, 0, 1, 1, 1, 0]))
      Array([-2., -1.,  1.,  2.,  1., -1.], dtype=float32)
    """
    name = "signed_distance_transform"
    foreground, axes = _foreground(mask, spatial_rank, name)
    chosen = _metric(metric, name)
    inside = _measured(foreground, chosen, spacing, False, len(axes), name)
    outside = _measured(~foreground, chosen, spacing, False, len(axes), name)
    return jnp.where(foreground, inside, -outside)


def _foreground(mask: Any, spatial_rank: int | None, function: str) -> tuple[Bool[Array, "..."], range]:
    given = mask if isinstance(mask, jax.Array) else np.asarray(mask)
    dtype: Any = given.dtype
    real = jnp.issubdtype(dtype, jnp.number) and not jnp.issubdtype(dtype, jnp.complexfloating)
    if not (real or dtype == np.bool_):
        raise TypeError(
            f"{function}: mask has dtype {dtype}; give booleans or real numbers, zero for the background."
        )
    foreground = jnp.asarray(given.astype(bool))  # on the host, lest a wide integer lose its high bits
    axes = spatial_axes(foreground.ndim, spatial_rank, function, "mask")
    if not axes:
        raise ValueError(f"{function}: mask has shape (), but an image with at least one axis is needed.")
    return foreground, axes


def _metric(metric: str | None, function: str) -> Metric:
    known = METRICS.get(_SCIPY_NAMES.get(metric, metric) if metric is not None else "euclidean")
    if known is None:
        names = ", ".join(repr(name) for name in METRICS)
        raise ValueError(f"{function}: metric={metric!r} is not known; give one of {names}.")
    return known


def _measured(
    foreground: Array, metric: Metric, spacing: Any, return_indices: bool, rank: int, function: str
) -> Any:
    sizes = per_axis("spacing", 1.0 if spacing is None else spacing, rank, function)
    for size in sizes:
        check_width("spacing", size, function, at_least_zero=False)
    known = [known_value(size) for size in sizes]
    exact = tuple(value for value in known if value is not None)
    weights = whole_weights(metric, exact, foreground.shape[-rank:]) if len(exact) == rank else None
    dtype = jax.dtypes.canonicalize_dtype(np.float64)
    size = jnp.stack([jnp.asarray(s).astype(dtype) for s in sizes])
    batch = foreground.shape[: foreground.ndim - rank]
    items = foreground.reshape(math.prod(batch), *foreground.shape[foreground.ndim - rank :])
    distance, places = _items(metric, weights, return_indices, items, size)
    distance = distance.reshape(foreground.shape)
    if len(exact) < rank:  # a traced size that is none
        distance = jnp.where((jnp.isfinite(size) & (size > 0)).all(), distance, jnp.nan)
    return (distance, places.reshape(*batch, rank, *items.shape[1:])) if return_indices else distance


@functools.partial(jax.jit, static_argnums=(0, 1))
def _by_steps(moves: Moves, rank: int, foreground: Array) -> Array:
    dtype = jax.dtypes.canonicalize_dtype(np.float64)
    if foreground.size == 0:
        return jnp.zeros(foreground.shape, dtype)
    items = foreground.reshape(-1, *foreground.shape[foreground.ndim - rank :])
    return lax.map(lambda item: chamfer(item, moves, dtype), items).reshape(foreground.shape)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _items(
    metric: Metric, weights: tuple[int, ...] | None, return_indices: bool, items: Array, spacing: Array
) -> tuple[Array, Array]:
    """One item of the batch after the other, each with its own decision between whole numbers and floats."""
    if items.size == 0:
        rank = items.ndim - 1
        shape = (items.shape[0], rank if return_indices else 0, *items.shape[1:])
        return jnp.zeros(items.shape, spacing.dtype), jnp.zeros(shape, np.int32)

    def one(item: Array) -> tuple[Array, Array]:
        distance = _distance(metric, weights, item, spacing)
        places = (
            nearest(item, metric, weights, lax.stop_gradient(spacing))
            if return_indices
            else jnp.zeros((0,), np.int32)
        )
        return distance, places

    if items.shape[0] == 1:
        distance, places = one(items[0])
        return distance[None], places[None]
    return lax.map(one, items)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _distance(metric: Metric, weights: tuple[int, ...] | None, item: Array, spacing: Array) -> Array:
    if weights is None:
        return metric.root(powers(item, metric, spacing))
    small, large = np.uint16, np.int32

    def finished(found: Array) -> Array:
        distance = metric.root(found.astype(spacing.dtype)) * spacing.min()
        return jnp.where(found < far(found.dtype), distance, np.asarray(np.inf, spacing.dtype))

    found = whole_powers(item, metric, weights, small)
    if reaches(metric, weights, item.shape) < far(small):
        return finished(found)
    largest = found
    while largest.ndim:  # axis by axis, which XLA vectorises
        largest = largest.max(axis=0)
    # Too far for 16 bits, though not infinitely: once more in 32.
    again = lambda: finished(whole_powers(item, metric, weights, large))  # noqa: E731
    return lax.cond((largest >= far(small)) & ~item.all(), again, lambda: finished(found))


@_distance.defjvp
def _(metric: Metric, weights: tuple[int, ...] | None, primals: Any, tangents: Any) -> tuple[Array, Array]:
    item, spacing = primals
    places = nearest(item, metric, weights, lax.stop_gradient(spacing))
    here = jnp.stack([lax.broadcasted_iota(np.int32, item.shape, axis) for axis in range(item.ndim)])
    steps = jnp.abs(places - here).astype(spacing.dtype)
    missing = (places[0] < 0) | (steps == 0).all(axis=0)
    steps = jnp.where(missing, np.ones((), spacing.dtype), steps)

    def length(spacing: Array) -> Array:
        parts = [metric.weight(steps[axis], spacing[axis]) for axis in range(item.ndim)]
        return metric.root(functools.reduce(metric.combine, parts))

    slope = jax.jvp(length, (spacing,), (tangents[1],))[1]
    return _distance(metric, weights, item, spacing), jnp.where(missing, np.zeros((), spacing.dtype), slope)
