"""Learning by gradients through semiring products: where does a wave travel slowly along the cortex?

A wave starts at each of a few vertices and spreads along the mesh; crossing an edge takes its length divided
by the local speed, so the arrival times are min-plus products iterated over the mesh. Speeds are hidden. From
arrival times at some of the vertices, gradient descent through those products finds them again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from nitrix.semiring import REAL, TROPICAL_MIN_PLUS, semiring_ell_matmul

from thrux.demo.data import Cortex
from thrux.demo.geodesic import graph_of, shortest_paths, start_from
from thrux.demo.mesh import Neighbours, neighbours_of, part_of
from thrux.demo.simulation import SPEED, hidden_speed, spread_out

NOISE_MS = 0.5
_RADIUS_MM = 85.0
_SMOOTHING_PASSES = 6
_FAR = np.float32(1e6)  # ms: stands for "never", and unlike infinity has a gradient of 0 and not NaN


class Tomography(NamedTuple):
    """Speeds in mm/s on part of the cortex, hidden and found."""

    vertices: np.ndarray  # of the whole mesh, in the order of the speeds
    sources: np.ndarray  # likewise
    true_speed: np.ndarray
    found_speed: np.ndarray
    losses: np.ndarray  # mean squared error of the arrival times in ms^2, by step
    correlation: float  # of found and true log speed
    gradient: float  # of the loss along one direction, by jax.grad
    gradient_by_differences: float  # the same by central differences through SciPy's Dijkstra in float64


class _Problem(NamedTuple):
    """What the wave travels on, and what was recorded."""

    lengths: Array
    indices: Array
    average: Array  # weights of each vertex and its neighbours, rows sum to 1
    start: Array
    recorded_at: Array
    recorded: Array


def run(
    cortex: Cortex,
    distance: np.ndarray,
    *,
    steps: int = 60,
    n_sources: int = 12,
    on_step: Callable[[int], None] = lambda step: None,
) -> Tomography:
    """Hide two patches of unusual speed around the seed, record arrival times, and find the speeds."""
    rng = np.random.default_rng(0)
    part, numbers = part_of(cortex.white, distance < _RADIUS_MM)
    mesh = neighbours_of(part)
    n = len(numbers)
    true_speed = hidden_speed(mesh, part.vertices)
    sources = spread_out(part.vertices, n_sources)
    times = _arrival_by_dijkstra(mesh, np.log(true_speed / SPEED), sources)
    recorded_at = np.sort(rng.permutation(n)[: n // 3])
    recorded = times[recorded_at] + rng.normal(scale=NOISE_MS, size=(len(recorded_at), n_sources))
    problem, hops = _problem(mesh, sources, recorded_at, recorded)

    loss_and_gradient = jax.jit(jax.value_and_grad(_loss), static_argnames="hops")
    latent, losses = _adam(lambda x: loss_and_gradient(x, problem, hops=hops), n, steps, on_step)
    found = np.asarray(_smooth(latent, problem))
    truth = np.log(true_speed / SPEED)
    slope, differences = _check_gradient(loss_and_gradient, latent, problem, hops, mesh, sources)
    return Tomography(
        vertices=numbers,
        sources=numbers[sources],
        true_speed=true_speed,
        found_speed=SPEED * np.exp(found),
        losses=losses,
        correlation=float(np.corrcoef(found, truth)[0, 1]),
        gradient=slope,
        gradient_by_differences=differences,
    )


def _smooth(latent: Float[Array, " vertex"], problem: _Problem) -> Float[Array, " vertex"]:
    """Log speed relative to `SPEED`: averages over neighbours, which are ordinary sparse products."""
    columns = latent[:, None]
    for _ in range(_SMOOTHING_PASSES):
        columns = semiring_ell_matmul(problem.average, problem.indices, columns, semiring=REAL)
    return columns[:, 0]


def _loss(latent: Float[Array, " vertex"], problem: _Problem, *, hops: int) -> Float[Array, ""]:
    """Mean squared error of the arrival times, in ms^2."""
    slowness = (1000 / SPEED) * jnp.exp(-_smooth(latent, problem))  # ms/mm
    crossing = problem.lengths * (slowness[:, None] + slowness[problem.indices]) / 2

    def spread(times: Array, _: None) -> tuple[Array, None]:
        return semiring_ell_matmul(crossing, problem.indices, times, semiring=TROPICAL_MIN_PLUS), None

    times, _ = lax.scan(spread, problem.start, length=hops)
    return jnp.mean((times[problem.recorded_at] - problem.recorded) ** 2)


def _adam(
    loss_and_gradient: Callable[..., Any],
    n: int,
    steps: int,
    on_step: Callable[[int], None],
    rate: float = 0.1,
) -> tuple[Array, np.ndarray]:
    """Gradient descent by Adam (Kingma and Ba, arXiv:1412.6980) with a rate that falls to 0."""
    x, mean, square = (jnp.zeros(n) for _ in range(3))
    losses = []
    for step in range(1, steps + 1):
        on_step(step)
        loss, slope = loss_and_gradient(x)
        losses.append(float(loss))
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        unbiased = (mean / (1 - 0.9**step)) / (jnp.sqrt(square / (1 - 0.99**step)) + 1e-8)
        x = x - rate * 0.5 * (1 + np.cos(np.pi * step / steps)).item() * unbiased
    losses.append(float(loss_and_gradient(x)[0]))
    return x, np.array(losses)


def _problem(
    mesh: Neighbours, sources: np.ndarray, recorded_at: np.ndarray, recorded: np.ndarray
) -> tuple[_Problem, int]:
    """The arrays for JAX, and how many products surely carry the wave everywhere."""
    start = start_from(sources.tolist(), len(mesh.indices))
    _, count = shortest_paths(jnp.asarray(mesh.lengths), jnp.asarray(mesh.indices), jnp.asarray(start))
    weight = mesh.used / mesh.used.sum(axis=1, keepdims=True)
    problem = _Problem(
        lengths=jnp.asarray(np.where(mesh.used, mesh.lengths, _FAR)),
        indices=jnp.asarray(mesh.indices),
        average=jnp.asarray(weight, jnp.float32),
        start=jnp.asarray(np.where(np.isinf(start), _FAR, start)),
        recorded_at=jnp.asarray(recorded_at),
        recorded=jnp.asarray(recorded, jnp.float32),
    )
    return problem, int(1.5 * int(count))  # a detour round a slow patch may take more edges


def _arrival_by_dijkstra(mesh: Neighbours, log_speed: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Arrival times in ms, [vertex, source], in float64."""
    from scipy.sparse.csgraph import dijkstra

    slowness = (1000 / SPEED) * np.exp(-log_speed)
    crossing = mesh.lengths.astype(np.float64) * (slowness[:, None] + slowness[mesh.indices]) / 2
    return dijkstra(graph_of(mesh, crossing), indices=sources).T


def _check_gradient(
    loss_and_gradient: Callable[..., Any],
    latent: Array,
    problem: _Problem,
    hops: int,
    mesh: Neighbours,
    sources: np.ndarray,
) -> tuple[float, float]:
    """The slope of the loss along the gradient's own direction, by jax.grad and without JAX."""
    point = 0.5 * latent  # away from the optimum, where the slope would be nothing but rounding
    slope = np.asarray(loss_and_gradient(point, problem, hops=hops)[1], np.float64)
    direction = slope / np.linalg.norm(slope)

    def loss(at: np.ndarray) -> float:
        for _ in range(_SMOOTHING_PASSES):
            at = (np.asarray(problem.average, np.float64) * at[mesh.indices]).sum(axis=1)
        times = _arrival_by_dijkstra(mesh, at, sources)[np.asarray(problem.recorded_at)]
        return float(np.mean((times - np.asarray(problem.recorded, np.float64)) ** 2))

    step, at = 1e-4, np.asarray(point, np.float64)
    by_differences = (loss(at + step * direction) - loss(at - step * direction)) / (2 * step)
    return float(slope @ direction), by_differences
