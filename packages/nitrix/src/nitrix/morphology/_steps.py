"""Reads a structuring element in SciPy's convention and cuts it into steps that are quick to apply."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from nitrix._arguments import known_numbers, per_axis, whole_number
from nitrix.morphology._element import Element, cross, element_of, profiles
from nitrix.morphology._flat import flat_extremum
from nitrix.morphology._weighted import weighted_extremum, weighted_integers


@dataclasses.dataclass(frozen=True)
class Step:
    """An element with the heights of its entries: an array, what integers gain and lose, or None where it is flat."""

    element: Element
    heights: Any = None
    lift: float = 0.0  # what earlier steps make of a constant beyond the border

    def apply(self, x: Array, outside: Array, mode: str, *, smallest: bool) -> Array:
        element = self.element if smallest else self.element.reflected
        options = {"element": element, "mode": mode, "smallest": smallest}
        if self.heights is None:
            return flat_extremum(x, outside, **options)
        heights = self.heights if smallest else jax.tree.map(lambda h: h[::-1], self.heights)
        if self.lift:
            outside = outside - self.lift if smallest else outside + self.lift
        served = weighted_extremum if jnp.issubdtype(x.dtype, jnp.floating) else weighted_integers
        return served(x, heights, outside, **options)


def steps_of(
    dtype: np.dtype, size: Any, structuring_element: Any, origin: Any, rank: int, function: str
) -> tuple[Step, ...]:
    if size is not None:
        shape = tuple(
            whole_number("size", n, function, least=1) for n in per_axis("size", size, rank, function)
        )
        return (Step(Element(shape, centre_of(shape, origin, function))),)
    if structuring_element is None:
        return (Step(element_of(cross(rank), centre_of((3,) * rank, origin, function))),)
    shape = np.shape(structuring_element)
    _check_shape(shape, rank, function)
    centre = centre_of(shape, origin, function)
    numbers = known_numbers(structuring_element)
    if jnp.result_type(structuring_element) == np.dtype(bool) or dtype == np.dtype(bool):
        if numbers is None:
            raise TypeError(
                f"{function}: structuring_element is traced, but the shape of a flat one must be known; keep it out of "
                f"jit's arguments, or give numbers: 0 where an entry takes part and -inf elsewhere."
            )
        return (Step(element_of(_some(numbers.astype(bool), function), centre)),)
    if jnp.issubdtype(dtype, jnp.integer):
        return (_integer_step(numbers, centre, dtype, function),)
    return _float_steps(structuring_element, numbers, centre, dtype, function)


def _float_steps(
    given: Any, numbers: NDArray[Any] | None, centre: tuple[int, ...], dtype: np.dtype, function: str
) -> tuple[Step, ...]:
    """Heights for an image of floats; what is known of them before tracing makes the work less."""
    if not jnp.issubdtype(jnp.result_type(given), jnp.number) or jnp.iscomplexobj(given):
        raise TypeError(
            f"{function}: structuring_element has dtype {jnp.result_type(given)}; give truth values for a flat one, or "
            f"real heights."
        )
    working = np.dtype(np.float32) if dtype.itemsize <= 2 else dtype
    if numbers is None:
        return (Step(Element(np.shape(given), centre), given.astype(working).reshape(-1)),)
    host = numbers.astype(np.float64)
    if np.isnan(host).any() or np.isposinf(host).any():
        raise ValueError(
            f"{function}: structuring_element holds NaN or +inf; heights must be finite, or -inf where an entry takes "
            f"no part."
        )
    present = _some(host > -np.inf, function)
    element = element_of(present, centre)
    if isinstance(given, jax.core.Tracer):  # known, but to be differentiated
        everywhere = jnp.asarray(np.flatnonzero(present))
        return (Step(element, given.astype(working).reshape(-1)[everywhere]),)
    if not host[present].any():
        return (Step(element),)
    lines = profiles(host)
    if lines is None:
        return (Step(element, jax.device_put(host[present].astype(working))),)
    whole = Element(host.shape, centre)
    steps: list[Step] = []
    lift = 0.0
    for axis in reversed(range(len(lines))):
        steps.append(Step(whole.along(axis), jax.device_put(lines[axis].astype(working)), lift))
        lift += float(lines[axis].max())
    return tuple(steps)


def _integer_step(
    numbers: NDArray[Any] | None, centre: tuple[int, ...], dtype: np.dtype, function: str
) -> Step:
    """Heights for an image of integers: whole numbers, as what they add and what they take."""
    if numbers is None:
        raise TypeError(
            f"{function}: structuring_element is traced and x holds {dtype}; keep the heights out of jit's arguments, "
            f"or convert x to a floating dtype."
        )
    if np.iscomplexobj(numbers):
        raise TypeError(f"{function}: structuring_element has dtype {numbers.dtype}; give real heights.")
    host = numbers.astype(np.float64)
    present = _some(host > -np.inf, function)
    info = np.iinfo(dtype)
    heights = host[present]
    if not (np.isfinite(heights) & (heights == np.round(heights)) & (np.abs(heights) <= info.max)).all():
        raise ValueError(
            f"{function}: structuring_element must hold whole numbers of at most {info.max} in size, or -inf, for x of "
            f"dtype {dtype}; convert x to a wider or floating dtype for others."
        )
    whole = numbers[present].astype(np.int64) if numbers.dtype.kind in "iu" else heights.astype(np.int64)
    element = element_of(present, centre)
    if not whole.any():
        return Step(element)
    up, down = (jax.device_put(np.maximum(h, 0).astype(dtype)) for h in (whole, -whole))
    return Step(element, (up, down))


def flat_element(given: Any, rank: int, function: str) -> Element:
    """A flat element for images of so many axes; None is the cross."""
    if given is None:
        return element_of(cross(rank), (1,) * rank)
    shape = np.shape(given)
    _check_shape(shape, rank, function)
    footprint = known_numbers(given)
    if footprint is None or footprint.dtype != np.dtype(bool):
        what = "traced" if footprint is None else f"of dtype {footprint.dtype}"
        raise TypeError(
            f"{function}: structuring_element is {what}; give truth values, outside jit's arguments."
        )
    return element_of(_some(footprint, function), tuple(n // 2 for n in shape))


def _check_shape(shape: tuple[int, ...], rank: int, function: str) -> None:
    if len(shape) != rank or 0 in shape:
        raise ValueError(
            f"{function}: structuring_element has shape {shape}, but {rank} axes are spatial; give an array of that "
            f"many axes, none of them empty, or another spatial_rank."
        )


def _some(footprint: NDArray[np.bool_], function: str) -> NDArray[np.bool_]:
    if not footprint.any():
        raise ValueError(f"{function}: no entry of structuring_element takes part; give at least one.")
    return footprint


def centre_of(shape: Sequence[int], origin: Any, function: str) -> tuple[int, ...]:
    """The entry that stands on the voxel, by SciPy's rule."""
    shifts = per_axis("origin", origin, len(shape), function)
    centre = []
    for n, shift in zip(shape, shifts, strict=True):
        number = n // 2 + whole_number("origin", shift, function, least=None)
        if not 0 <= number < n:
            raise ValueError(
                f"{function}: origin={shift} moves the centre out of an axis of {n} entries; give a number from "
                f"{-(n // 2)} to {(n - 1) // 2}."
            )
        centre.append(number)
    return tuple(centre)
