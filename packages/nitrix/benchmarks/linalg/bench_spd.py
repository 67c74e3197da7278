"""Positive definite matrices against pyRiemann and nilearn: logarithms, geometric mean, tangent projection."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from nitrix.linalg import mean_geometric, symlog, tangent_project_spd

MATRICES, SIZE = 200, 100  # subjects of a study, parcels of an atlas


@functools.cache
def _covariances(dtype: str) -> np.ndarray:
    """Covariances of 300 frames that share a mixing, as those of one group do."""
    rng = np.random.default_rng(0)
    mixing = 0.3 * rng.normal(size=(SIZE, SIZE)) / np.sqrt(SIZE) + np.eye(SIZE)
    series = rng.normal(size=(MATRICES, 3 * SIZE, SIZE)) @ mixing
    return (series.transpose(0, 2, 1) @ series / (3 * SIZE)).astype(dtype)


def _logarithm() -> Case:
    from pyriemann.geometry.base import logm

    operand = functools.cache(lambda: jnp.asarray(_covariances("float32")))
    return Case(
        name=f"logarithm of {MATRICES} x {SIZE}^2",
        operation="linalg.symlog",
        ours=lambda: symlog(operand()),
        rival=lambda: logm(_covariances("float32")),
        rival_name="pyriemann logm",
        seconds=20,
    )


def _tangent(value_and_gradient: bool) -> Case:
    from pyriemann.geometry.tangentspace import log_map_riemann

    operand = functools.cache(lambda: jnp.asarray(_covariances("float32")))

    def projected(x):
        return tangent_project_spd(x, jnp.mean(x, axis=0))

    forward = jax.jit(projected)
    both = jax.jit(jax.value_and_grad(lambda x: jnp.sum(projected(x) ** 2)))
    rival = lambda: log_map_riemann(_covariances("float32"), _covariances("float32").mean(0))
    suffix = ", value and gradient" if value_and_gradient else ""
    return Case(
        name=f"tangent at the arithmetic mean, {MATRICES} x {SIZE}^2{suffix}",
        operation="linalg.tangent_project_spd" + (", gradient" if value_and_gradient else ""),
        ours=lambda: (both if value_and_gradient else forward)(operand()),
        rival=rival,
        rival_name="pyriemann log_map_riemann",
        seconds=20,
    )


def _geometric() -> Case:
    from pyriemann.geometry.mean import mean_riemann

    operand = functools.cache(lambda: jnp.asarray(_covariances("float32")))
    return Case(
        name=f"geometric mean of {MATRICES} x {SIZE}^2, to 1e-5",
        operation="linalg.mean_geometric",
        ours=lambda: mean_geometric(operand(), tol=1e-5),
        rival=lambda: mean_riemann(_covariances("float64"), tol=1e-5),
        rival_name="pyriemann mean_riemann",
        seconds=60,
    )


def _connectivity() -> Case:
    """Reference and projection, as nilearn's tangent connectivity does both."""
    from nilearn.connectome.connectivity_matrices import _geometric_mean, _map_eigenvalues

    operand = functools.cache(lambda: jnp.asarray(_covariances("float32")))

    @jax.jit
    def ours(x):
        return tangent_project_spd(x, mean_geometric(x, tol=1e-5))

    def rival():
        x = _covariances("float64")
        mean = _geometric_mean(x, max_iter=30, tol=1e-7)
        whitener = _map_eigenvalues(lambda l: 1.0 / np.sqrt(l), mean)
        return [_map_eigenvalues(np.log, whitener @ one @ whitener) for one in x]

    return Case(
        name=f"geometric mean and tangent, {MATRICES} x {SIZE}^2",
        operation="linalg.tangent_project_spd",
        ours=lambda: ours(operand()),
        rival=rival,
        rival_name="nilearn ConnectivityMeasure(kind='tangent')",
        seconds=60,
    )


CASES = [_logarithm(), _tangent(False), _tangent(True), _geometric(), _connectivity()]
