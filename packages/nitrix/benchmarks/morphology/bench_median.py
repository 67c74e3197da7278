"""The median filter against SciPy's: boxes of 3 to 11 voxels, counts of a scanner, neighbours on an icosphere."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from harness import Case
from nitrix.morphology import median_filter
from nitrix.sparse.mesh import icosphere, mesh_k_ring_adjacency

WORKLOADS = {  # name: (shape, dtype, size, required ratio)
    "median 3 96^3": ((96, 96, 96), "float32", 3, 25.0),
    "median 5 96^3": ((96, 96, 96), "float32", 5, 15.0),
    "median 3 96^3 int16": ((96, 96, 96), "int16", 3, None),
    "median 5 96^3 int16": ((96, 96, 96), "int16", 5, None),
    "median 7 64^3": ((64, 64, 64), "float32", 7, None),
    "median 11 64^3": ((64, 64, 64), "float32", 11, None),
    "median 5 1024^2": ((1024, 1024), "float32", 5, None),
}


@functools.cache
def _image(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return (100 * np.random.default_rng(0).normal(size=shape)).astype(dtype)


def _case(name: str, shape: tuple[int, ...], dtype: str, size: int, bar: float | None) -> Case:
    operand = functools.cache(lambda: jnp.asarray(_image(shape, dtype)))
    filtered = functools.partial(median_filter, size=size)
    rival = lambda: ndi.median_filter(_image(shape, dtype), size)
    return Case(
        name=name,
        operation="morphology.median_filter",
        ours=lambda: filtered(operand()),
        rival=rival,
        rival_name="scipy.ndimage.median_filter",
        bar=bar,
        program=lambda: jax.jit(filtered).lower(operand()).compile(),
        volume_bytes=np.dtype(dtype).itemsize * math.prod(shape),
    )


def _gradient(size: int) -> Case:
    """Value and gradient together, against the rival's value alone."""
    shape = (96, 96, 96)
    operand = functools.cache(lambda: jnp.asarray(_image(shape, "float32")))
    both = jax.jit(jax.value_and_grad(lambda x: (median_filter(x, size=size) ** 2).sum()))
    return Case(
        name=f"median {size} 96^3, value and gradient",
        operation="morphology.median_filter, gradient",
        ours=lambda: both(operand()),
        rival=lambda: ndi.median_filter(_image(shape, "float32"), size),
        rival_name="scipy.ndimage.median_filter",
        program=lambda: both.lower(operand()).compile(),
        volume_bytes=4 * math.prod(shape),
    )


def _neighbours() -> Case:
    """The 1-ring of every vertex of an icosphere, for 16 maps; the rival gathers all neighbours and sorts them."""

    @functools.cache
    def mesh():
        return mesh_k_ring_adjacency(icosphere(6), k=1)

    @functools.cache
    def maps() -> np.ndarray:
        return np.random.default_rng(0).normal(size=(16, mesh().n_cols)).astype(np.float32)

    @jax.jit
    def ours(x, matrix):
        return median_filter(x, neighbourhood=matrix)

    def rival():
        indices, degree = np.asarray(mesh().indices), mesh().degree
        counted = np.arange(indices.shape[1]) < (
            indices.shape[1] if degree is None else np.asarray(degree)[:, None]
        )
        values = np.sort(np.where(counted, maps()[:, indices], np.inf), axis=-1)
        rank = np.broadcast_to(counted, indices.shape).sum(1) // 2
        return np.take_along_axis(values, rank[None, :, None], -1)[..., 0]

    return Case(
        name="median icosphere 6, 16 maps",
        operation="morphology.median_filter",
        ours=lambda: ours(maps(), mesh()),
        rival=rival,
        rival_name="NumPy gather and sort",
    )


CASES = [
    *(_case(name, *workload) for name, workload in WORKLOADS.items()),
    _gradient(3),
    _neighbours(),
]
