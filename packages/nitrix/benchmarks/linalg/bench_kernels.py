"""Kernels of 4000 x 4000 observations of 64 features against scikit-learn's, values and gradients; temporaries."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from nitrix.linalg import gaussian_kernel, laplace_kernel
from sklearn.metrics import pairwise

N, D = 4000, 64
VOLUME = 4 * N * N  # bytes of one kernel
SIGMA = 8.0

KERNELS = {  # name: ours, the rival, its name
    "gaussian": (
        functools.partial(gaussian_kernel, sigma=SIGMA),
        lambda x, y: pairwise.rbf_kernel(x, y, gamma=0.5 / SIGMA**2),
        "sklearn rbf_kernel",
    ),
    "laplace": (laplace_kernel, pairwise.laplacian_kernel, "sklearn laplacian_kernel"),
}


@functools.cache
def _rows(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(N, D)).astype(np.float32)


@functools.cache
def _on_device(seed: int) -> jax.Array:
    return jnp.asarray(_rows(seed))


def _forward(name: str) -> Case:
    ours, rival, rival_name = KERNELS[name]
    return Case(
        name=f"{name} {N} x {N} x {D}",
        operation=f"linalg.{name}_kernel",
        ours=lambda: ours(_on_device(0), _on_device(1)),
        rival=lambda: rival(_rows(0), _rows(1)),
        rival_name=rival_name,
        program=lambda: jax.jit(ours).lower(_on_device(0), _on_device(1)).compile(),
        volume_bytes=VOLUME,
    )


def _gradient(name: str) -> Case:
    """Value and gradient in both operands together, against the rival's value alone."""
    ours, rival, rival_name = KERNELS[name]

    def loss(x: jax.Array, y: jax.Array) -> Any:
        return (ours(x, y) ** 2).sum()

    both: Callable[..., Any] = jax.jit(jax.value_and_grad(loss, (0, 1)))
    return Case(
        name=f"{name} {N} x {N} x {D}, value and gradient",
        operation=f"linalg.{name}_kernel, gradient",
        ours=lambda: both(_on_device(0), _on_device(1)),
        rival=lambda: rival(_rows(0), _rows(1)),
        rival_name=rival_name,
        program=lambda: both.lower(_on_device(0), _on_device(1)).compile(),
        volume_bytes=VOLUME,
    )


CASES = [_forward("gaussian"), _gradient("gaussian"), _forward("laplace"), _gradient("laplace")]
