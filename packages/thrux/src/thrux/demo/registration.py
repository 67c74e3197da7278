"""A hidden warp of a brain image, found again by gradient descent through the warping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from nitrix.geometry import (
    identity_grid,
    integrate_velocity_field,
    jacobian_det_displacement,
    spatial_transform,
)
from nitrix.smoothing import gaussian

from thrux.demo.data import Volume, around

STEPS = 40
NOISE = 0.02  # of the brightest voxel
_FASTEST_MM = 12.0  # of the hidden warp
_HIDDEN_MM = 16.0  # sigma in space of the hidden velocities
_SMOOTH_MM = 8.0  # likewise of those that are looked for
_MARGIN_MM = 12.0  # about the head
_SQUARINGS = 4
_RATE = 0.3


class Registration(NamedTuple):
    """Both images, both warps, and how well one explains the other."""

    volume: Volume  # the template
    target: np.ndarray  # the template through the hidden warp, with noise
    registered: np.ndarray  # the template through the warp that was found
    hidden: np.ndarray  # displacements in voxels
    found: np.ndarray
    losses: np.ndarray
    error_mm: tuple[float, float]  # mean distance of the displacements from the hidden ones, within the head
    correlation: tuple[float, float]  # of template and target, before and after
    least_determinant: float  # of the warp that was found; above 0 where nothing folds
    seconds_per_step: float  # once compiled


def run(
    volume: Volume, *, steps: int = STEPS, on_step: Callable[[int], None] = lambda step: None
) -> Registration:
    """Warp the template by a random flow, and find the flow from the two images alone."""
    box = around(volume.values, margin=round(_MARGIN_MM / min(volume.spacing)))
    volume = Volume(volume.values[box] / volume.values.max(), volume.spacing)
    template = jnp.asarray(volume.values)
    rng = np.random.default_rng(0)
    hidden = _hidden_warp(volume, rng)
    target = warped(template, hidden) + NOISE * rng.normal(size=template.shape).astype(np.float32)
    latent, losses, seconds = _descend(volume, target, steps=steps, on_step=on_step)
    found = displacement_of(latent, spacing=volume.spacing)
    registered = warped(template, found)
    head = np.asarray(warped(template, hidden)) > 0.1

    def distance(u: Array | float) -> float:
        apart = np.linalg.norm((np.asarray(u) - np.asarray(hidden)) * volume.spacing, axis=-1)
        return float(apart[head].mean())

    def correlation(image: Array) -> float:
        return float(np.corrcoef(np.asarray(image)[head], np.asarray(target)[head])[0, 1])

    return Registration(
        volume=volume,
        target=np.asarray(target),
        registered=np.asarray(registered),
        hidden=np.asarray(hidden),
        found=np.asarray(found),
        losses=losses,
        error_mm=(distance(0.0), distance(found)),
        correlation=(correlation(template), correlation(registered)),
        least_determinant=float(jacobian_det_displacement(found).min()),
        seconds_per_step=seconds,
    )


@jax.jit
def warped(image: Float[Array, "x y z"], u: Float[Array, "x y z 3"]) -> Float[Array, "x y z"]:
    """image(p + u(p)) at each voxel p."""
    places = identity_grid(image.shape) + u
    return spatial_transform(image[..., None], places, mode="nearest")[..., 0]


@partial(jax.jit, static_argnames="spacing")
def displacement_of(
    latent: Float[Array, "x y z 3"], *, spacing: tuple[float, float, float]
) -> Float[Array, "x y z 3"]:
    """Velocities are what is smooth, and displacements where they lead: so a warp has an inverse."""
    return integrate_velocity_field(_smooth(latent, _SMOOTH_MM, spacing), n_steps=_SQUARINGS)


def facts(found: Registration) -> list[str]:
    """In words."""
    size = " x ".join(map(str, found.volume.values.shape))
    before, after = found.error_mm
    return [
        f"The {size} voxels of {found.volume.spacing[0]:g} mm moved by up to {_longest_mm(found):.1f} mm. In "
        f"{len(found.losses) - 1} steps of {found.seconds_per_step:.2f} s the mean distance from the hidden warp fell "
        f"from {before:.2f} to {after:.2f} mm within the head ({after / found.volume.spacing[0]:.2f} voxels), and the "
        f"correlation of the images rose from {found.correlation[0]:.3f} to {found.correlation[1]:.3f}.",
        f"The warp that was found folds nowhere: its smallest Jacobian determinant is {found.least_determinant:.2f}."
        if found.least_determinant > 0
        else f"The warp that was found folds: its smallest Jacobian determinant is {found.least_determinant:.2f}.",
    ]


def numbers(found: Registration) -> dict[str, float | int]:
    """For results.json."""
    return {
        "registration_steps": len(found.losses) - 1,
        "registration_error_before_mm": found.error_mm[0],
        "registration_error_after_mm": found.error_mm[1],
        "registration_correlation_before": found.correlation[0],
        "registration_correlation_after": found.correlation[1],
        "registration_least_determinant": found.least_determinant,
        "registration_seconds_per_step": found.seconds_per_step,
    }


def _hidden_warp(volume: Volume, rng: np.random.Generator) -> Float[Array, "x y z 3"]:
    """A random smooth flow whose fastest point would go so far in a straight line."""
    noise = jnp.asarray(rng.normal(size=(*volume.values.shape, 3)), jnp.float32)
    velocity = _smooth(noise, _HIDDEN_MM, volume.spacing)
    fastest = jnp.linalg.norm(velocity * jnp.asarray(volume.spacing, jnp.float32), axis=-1).max()
    return integrate_velocity_field(velocity * (_FASTEST_MM / fastest), n_steps=_SQUARINGS + 3)


def _smooth(x: Float[Array, "x y z 3"], sigma: float, spacing: tuple[float, float, float]) -> Array:
    return jnp.moveaxis(gaussian(jnp.moveaxis(x, -1, 0), sigma=sigma, spacing=spacing, spatial_rank=3), 0, -1)


def _descend(
    volume: Volume, target: Array, *, steps: int, on_step: Callable[[int], None]
) -> tuple[Array, np.ndarray, float]:
    """Gradient descent by Adam (Kingma and Ba, arXiv:1412.6980) with a rate that falls to 0."""

    images = jnp.asarray(volume.values), target

    def loss_of(latent: Array, template: Array, target: Array) -> Array:
        return jnp.mean((warped(template, displacement_of(latent, spacing=volume.spacing)) - target) ** 2)

    @jax.jit
    def step(state: tuple[Array, ...], number: Array, images: tuple[Array, Array]) -> tuple[Any, Array]:
        latent, mean, square = state
        loss, slope = jax.value_and_grad(loss_of)(latent, *images)
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        unbiased = (mean / (1 - 0.9**number)) / (jnp.sqrt(square / (1 - 0.99**number)) + 1e-12)
        rate = _RATE * 0.5 * (1 + jnp.cos(math.pi * number / steps))
        return (latent - rate * unbiased, mean, square), loss

    start = jnp.zeros((*volume.values.shape, 3))
    state: tuple[Array, ...] = (start, start, start)
    losses, began = [], 0.0
    for number in range(1, steps + 1):
        on_step(number)
        state, loss = step(state, jnp.float32(number), images)
        losses.append(float(loss))
        began = began or time.perf_counter()  # after the first step, which compiles
    seconds = (time.perf_counter() - began) / max(1, steps - 1)
    losses.append(float(loss_of(state[0], *images)))
    return state[0], np.array(losses), seconds


def _longest_mm(found: Registration) -> float:
    return float(np.linalg.norm(found.hidden * found.volume.spacing, axis=-1).max())
