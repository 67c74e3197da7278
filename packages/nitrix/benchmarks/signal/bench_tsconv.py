"""Convolutions of time series against SciPy's correlation, channel by channel, and einsum of shifted series."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.signal
from harness import Case
from nitrix.signal import tsconv

WORKLOADS = {  # name: (batch, channels, outputs, frames, taps)
    "tsconv 1 channel, 1000 series x 652, 9 taps": (1000, 1, 4, 652, 9),
    "tsconv 1 channel, 100,000 frames, 101 taps": (1, 1, 1, 100_000, 101),
    "tsconv 400 channels x 652, 5 taps": (1, 400, 400, 652, 5),
    "tsconv 64 channels, 16 series x 1000, 9 taps": (16, 64, 64, 1000, 9),
}


def _case(name: str, batch: int, channels: int, outputs: int, frames: int, taps: int) -> Case:
    @functools.cache
    def operands() -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        x, weight = rng.normal(size=(batch, channels, frames)), rng.normal(size=(outputs, channels, taps))
        return x.astype(np.float32), weight.astype(np.float32)

    placed = functools.cache(lambda: tuple(map(jnp.asarray, operands())))

    def rival() -> np.ndarray:
        x, weight = operands()
        if channels == 1:
            return np.concatenate([scipy.signal.correlate(x, k[None], mode="same") for k in weight], 1)
        padded = np.pad(x, [(0, 0), (0, 0), ((taps - 1) // 2, taps // 2)])
        return sum(weight[:, :, k] @ padded[:, :, k : k + frames] for k in range(taps))

    return Case(
        name=name,
        operation="signal.tsconv",
        ours=lambda: tsconv(*placed()),
        rival=rival,
        rival_name="scipy.signal.correlate" if channels == 1 else "NumPy matmul per tap",
        program=lambda: jax.jit(tsconv).lower(*placed()).compile(),
    )


CASES = [_case(name, *sizes) for name, sizes in WORKLOADS.items()]
