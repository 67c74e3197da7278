"""Integrated velocity fields, seven steps, against the same composed by hand from SciPy; Jacobians against NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from harness import Case
from nitrix.geometry import integrate_velocity_field, invert_displacement, jacobian_det_displacement

STEPS = 7


@functools.cache
def _velocity(size: int) -> np.ndarray:
    """A smooth field of velocities up to some voxels."""
    noise = np.random.default_rng(0).normal(size=(3, size, size, size))
    smooth = np.stack([ndi.gaussian_filter(x, size / 16, mode="wrap") for x in noise], -1)
    return (3 * smooth / np.abs(smooth).max()).astype(np.float32)


@functools.cache
def _grid(size: int) -> np.ndarray:
    return np.indices((size,) * 3, dtype=np.float32)


def _along(u: np.ndarray) -> np.ndarray:
    """u at p + u(p), component by component, components first."""
    at = _grid(u.shape[1]) + u
    return np.stack([ndi.map_coordinates(x, at, order=1, mode="nearest") for x in u])


def _by_hand(size: int) -> np.ndarray:
    u = np.moveaxis(_velocity(size), -1, 0) / np.float32(2**STEPS)
    for _ in range(STEPS):
        u = u + _along(u)
    return u


def _inverse_by_hand(size: int, iterations: int) -> np.ndarray:
    """The fixed point, and its residual, which the report of ours holds as well."""
    u = np.moveaxis(_velocity(size), -1, 0)

    def image(v: np.ndarray) -> np.ndarray:
        return np.stack([ndi.map_coordinates(x, _grid(size) + v, order=1, mode="nearest") for x in u])

    v = -u
    for _ in range(iterations):
        v = -image(v)
    assert np.isfinite(np.square(v + image(v)).sum(0).max())
    return v


def _determinant_by_hand(size: int) -> np.ndarray:
    slopes = np.stack(np.gradient(_velocity(size), axis=(0, 1, 2)), -1)
    return np.linalg.det(slopes + np.eye(3, dtype=np.float32))


def _case(name: str, operation: str, function, rival, rival_name: str, size: int) -> Case:
    operand = functools.cache(lambda: jnp.asarray(_velocity(size)))
    ours = jax.jit(function)
    return Case(
        name=name,
        operation=f"geometry.{operation}",
        ours=lambda: ours(operand()),
        rival=rival,
        rival_name=rival_name,
        program=lambda: ours.lower(operand()).compile(),
        volume_bytes=4 * size**3,
    )


def _both(v):
    return jax.value_and_grad(lambda v: jnp.sum(integrate_velocity_field(v, n_steps=STEPS) ** 2))(v)


def _integrations():
    for size in (64, 128):
        rival, words = functools.partial(_by_hand, size), "scipy.ndimage.map_coordinates"
        yield _case(
            f"velocity field {size}^3",
            "integrate_velocity_field",
            integrate_velocity_field,
            rival,
            words,
            size,
        )
        yield _case(
            f"velocity field {size}^3, value and gradient",
            "integrate_velocity_field, gradient",
            _both,
            rival,
            words,
            size,
        )


CASES = [
    *_integrations(),
    _case(
        "inverse 64^3, 10 iterations",
        "invert_displacement",
        lambda u: invert_displacement(u, tol=0.0, n_iter=10),
        functools.partial(_inverse_by_hand, 64, 10),
        "scipy.ndimage.map_coordinates",
        64,
    ),
    _case(
        "Jacobian determinant 128^3",
        "jacobian_det_displacement",
        jacobian_det_displacement,
        functools.partial(_determinant_by_hand, 128),
        "numpy.gradient, numpy.linalg.det",
        128,
    ),
]
