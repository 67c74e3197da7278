"""Percentiles, medians and the normalisations that rest on them, against NumPy."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from nitrix.numerics import intensity_normalize, median, percentile, robust_zscore_normalize

SQUARE, VOLUME, SERIES = (2048, 2048), (128, 128, 128), (20_000, 652)


@functools.cache
def _samples(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@functools.cache
def _operand(shape: tuple[int, ...]) -> jax.Array:
    return jnp.asarray(_samples(shape))


def _case(
    name: str, shape: tuple[int, ...], ours: Callable, rival: Callable, bar: float | None = None
) -> Case:
    np.testing.assert_allclose(ours(_operand((64, 128))), rival(_samples((64, 128))), rtol=2e-5, atol=2e-6)
    return Case(
        name=name,
        operation=f"numerics.{getattr(ours, 'func', ours).__name__}",
        ours=lambda: ours(_operand(shape)),
        rival=lambda: rival(_samples(shape)),
        rival_name="NumPy",
        bar=bar,
        program=lambda: jax.jit(ours).lower(_operand(shape)).compile(),
        volume_bytes=_samples(shape).nbytes,
    )


def _gradient() -> Case:
    """Value and gradient together, against the rival's value alone."""
    both = jax.jit(jax.value_and_grad(lambda x: (median(x, axis=-1) ** 2).sum()))
    return Case(
        name="median rows 2048^2, value and gradient",
        operation="numerics.median, gradient",
        ours=lambda: both(_operand(SQUARE)),
        rival=lambda: np.median(_samples(SQUARE), axis=-1),
        rival_name="NumPy",
    )


def _robust(x: np.ndarray) -> np.ndarray:
    difference = x - np.median(x, axis=-1, keepdims=True)
    return difference / (np.float32(1.4826) * np.median(np.abs(difference), axis=-1, keepdims=True))


def _intensity(x: np.ndarray) -> np.ndarray:
    shifted = x - x.min()
    return np.clip(shifted / np.percentile(shifted, 99), 0, 1)


def _rows(function: Callable) -> Callable:
    return functools.partial(function, axis=-1)


CASES = [
    _case("median global 2048^2", SQUARE, median, np.median, 1.3),
    _case(
        "percentile global 2048^2",
        SQUARE,
        functools.partial(percentile, q=99),
        functools.partial(np.percentile, q=99),
        1.3,
    ),
    _case("median rows 2048^2", SQUARE, _rows(median), _rows(np.median), 1.3),
    _case(
        "percentile rows 2048^2",
        SQUARE,
        functools.partial(percentile, q=30, axis=-1),
        functools.partial(np.percentile, q=30, axis=-1),
        1.3,
    ),
    _case(
        "median columns 2048^2",
        SQUARE,
        functools.partial(median, axis=0),
        functools.partial(np.median, axis=0),
    ),
    _case("robust_zscore_normalize 20,000 x 652", SERIES, robust_zscore_normalize, _robust),
    _case("intensity_normalize 128^3", VOLUME, intensity_normalize, _intensity),
    _gradient(),
]
