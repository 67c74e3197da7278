"""Residuals of least squares against NumPy's: a scan's time series on its confounds, value and gradient."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from nitrix.linalg import residualise

WORKLOADS = {  # name: (series, frames, regressors, required ratio)
    "residualise 10000 x 400 on 24": (10_000, 400, 24, 12.0),
    "residualise 20000 x 652 on 29": (20_000, 652, 29, None),
}


@functools.cache
def _scan(series: int, frames: int, regressors: int) -> tuple[np.ndarray, np.ndarray]:
    """Data on an offset, confounds with an intercept and of scales from 1e-3 to 1e3."""
    rng = np.random.default_rng(0)
    y = (100 + rng.normal(size=(series, frames))).astype(np.float32)
    x = rng.normal(size=(regressors, frames)) * np.geomspace(1e-3, 1e3, regressors)[:, None]
    x[0] = 1
    return y, x.astype(np.float32)


def _lstsq(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return y - np.linalg.lstsq(x.T, y.T, rcond=None)[0].T @ x


def _case(name: str, series: int, frames: int, regressors: int, bar: float | None, gradient: bool) -> Case:
    sizes = series, frames, regressors
    operands = functools.cache(lambda: tuple(jnp.asarray(a) for a in _scan(*sizes)))
    if gradient:
        ours = jax.jit(jax.value_and_grad(lambda y, x: (residualise(y, x) ** 2).sum(), (0, 1)))
    else:
        ours = jax.jit(residualise)
    return Case(
        name=f"{name}{', value and gradient' if gradient else ''}",
        operation=f"linalg.residualise{', gradient' if gradient else ''}",
        ours=lambda: ours(*operands()),
        rival=lambda: _lstsq(*_scan(*sizes)),
        rival_name="numpy.linalg.lstsq",
        bar=bar,
        program=lambda: ours.lower(*operands()).compile(),
        volume_bytes=4 * series * frames,
    )


CASES = [
    *(_case(name, *workload, gradient=False) for name, workload in WORKLOADS.items()),
    *(_case(name, *workload[:3], None, gradient=True) for name, workload in WORKLOADS.items()),
]
