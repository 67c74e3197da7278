"""What the learning is to find: speeds that are hidden, and where the waves start."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from thrux.demo.geodesic import shortest_paths, start_from
from thrux.demo.mesh import Neighbours

SPEED = 300.0  # mm/s, of travelling waves in cortex


def hidden_speed(mesh: Neighbours, vertices: np.ndarray) -> np.ndarray:
    """A patch at little more than half of the usual speed, and one at about 1.6 times of it."""
    centre = vertices.mean(axis=0)
    log_speed = np.zeros(len(vertices))
    for offset, height in (((0, 26, -6), -0.65), ((0, -26, 0), 0.6)):
        middle = int(np.argmin(np.linalg.norm(vertices - (centre + np.array(offset)), axis=1)))
        away = shortest_paths(
            jnp.asarray(mesh.lengths),
            jnp.asarray(mesh.indices),
            jnp.asarray(start_from([middle], len(vertices))),
        )[0]
        log_speed += height * np.exp(-0.5 * (np.asarray(away)[:, 0] / 13.0) ** 2)
    return SPEED * np.exp(log_speed)


def spread_out(vertices: np.ndarray, count: int) -> np.ndarray:
    """Vertices far from each other, each the farthest from those before it."""
    chosen = [0]
    nearest = np.linalg.norm(vertices - vertices[0], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(vertices - vertices[chosen[-1]], axis=1))
    return np.array(chosen)
