"""Covariances against NumPy and nilearn, at the sizes of parcellated functional series."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from nitrix.stats import corr, cov, partialcorr


@functools.cache
def _series(channels: int, obs: int) -> np.ndarray:
    """Noise with a common signal, as global fluctuations give."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(channels, obs)) + 0.5 * rng.normal(size=obs)).astype(np.float32)


@functools.cache
def _checked(function, rival, channels: int, obs: int, tolerance: float):
    """The operand on the device, once both results are seen to agree."""
    x = jnp.asarray(_series(channels, obs))
    np.testing.assert_allclose(function(x), rival(), rtol=0, atol=tolerance)
    return x


def _partial_correlation() -> np.ndarray:
    """nilearn's measure, from the covariance without shrinkage."""
    from nilearn.connectome import ConnectivityMeasure
    from sklearn.covariance import EmpiricalCovariance

    measure = ConnectivityMeasure(EmpiricalCovariance(), kind="partial correlation", standardize=False)
    return measure.fit_transform([_series(400, 1200).T])[0]


def _case(name, function, rival, rival_name, shape, tolerance, bar=None) -> Case:
    operand = functools.partial(_checked, function, rival, *shape, tolerance)
    return Case(
        name=f"{name} {shape[0]} x {shape[1]}",
        operation=f"stats.{name}",
        ours=lambda: function(operand()),
        rival=rival,
        rival_name=rival_name,
        bar=bar,
        program=lambda: jax.jit(function).lower(operand()).compile(),
        volume_bytes=4 * shape[0] * shape[1],
    )


CASES = [
    _case("cov", cov, lambda: np.cov(_series(500, 2000)), "numpy.cov", (500, 2000), 1e-5, 1.5),
    _case("corr", corr, lambda: np.corrcoef(_series(500, 2000)), "numpy.corrcoef", (500, 2000), 1e-5),
    _case("partialcorr", partialcorr, _partial_correlation, "nilearn ConnectivityMeasure", (400, 1200), 1e-5),
]
