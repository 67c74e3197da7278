"""Where the taps of a convolution stand on an image."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

Shape = tuple[int, ...]
T = TypeVar("T")


class Window(NamedTuple):
    """Tap p of the output at o reads the image at o * stride + p * dilation - low; one number for each spatial axis."""

    stride: Shape
    dilation: Shape
    low: Shape
    high: Shape

    def out(self, image: Shape, taps: Shape) -> Shape:
        """The output's spatial shape, as that of `lax.conv_general_dilated`."""
        sizes = []
        for n, k, s, d, low, high in zip(image, taps, *self, strict=True):
            room = n + low + high - span(k, d)
            sizes.append(room // s + 1 if room >= 0 else 0)
        return tuple(sizes)

    def padded(self) -> bool:
        """Whether some tap may stand beyond the image."""
        return any(self.low) or any(self.high)

    def backward(self, image: Shape, taps: Shape) -> "Spread":
        """How a plane of the output's shape is spread out, so that flipped taps at stride 1 reach it from the image."""
        reach = [(k - 1) * d for k, d in zip(taps, self.dilation)]
        low = [r - below for r, below in zip(reach, self.low)]
        spread = [(n - 1) * s for n, s in zip(self.out(image, taps), self.stride)]
        high = [n - 1 + below - size for n, below, size in zip(image, self.low, spread)]
        ones = (1,) * len(image)
        return Spread(
            tuple(zip(low, high, (s - 1 for s in self.stride))), Window(ones, self.dilation, ones, ones)
        )


class Spread(NamedTuple):
    """Padding of planes [c, *out] and the window that the padded planes are then read through."""

    edges: tuple[tuple[int, int, int], ...]  # low, high, between
    window: Window

    def __call__(self, plane: Array, fill: int | float) -> Array:
        return lax.pad(plane, jnp.asarray(fill, plane.dtype), ((0, 0, 0), *self.edges))


def span(taps: int, dilation: int) -> int:
    """The extent of so many taps; of none, that of one."""
    return max(taps - 1, 0) * dilation + 1


def within(counts: Array | None, value: Array, otherwise: Array | int | float = 0) -> Array:
    """The value where a tap stands within the image."""
    return value if counts is None else jnp.where(counts != 0, value, otherwise)


def pad(image: Array, window: Window, fill: int | float) -> Array:
    """[c, *image] with what lies beyond its borders."""
    edges = ((0, 0, 0), *((low, high, 0) for low, high in zip(window.low, window.high)))
    return lax.pad(image, jnp.asarray(fill, image.dtype), edges)


def present(spatial: Shape, window: Window, dtype: Any) -> Array | None:
    """[1, *padded]: 1 at places of a padded image that are of the image, 0 elsewhere; None where all are."""
    return pad(jnp.ones((1, *spatial), dtype), window, 0) if window.padded() else None


def channels_first(x: Array) -> Array:
    """[*spatial, c] -> [c, *spatial]."""
    return jnp.moveaxis(x, -1, 0)


def channels_last(x: Array) -> Array:
    """[c, *spatial] -> [*spatial, c]."""
    return jnp.moveaxis(x, 0, -1)


def flipped(kernel: Array) -> Array:
    """[*taps, c_in, c_out] -> [*taps, c_out, c_in], the taps in opposite order."""
    return jnp.flip(kernel, tuple(range(kernel.ndim - 2))).swapaxes(-1, -2)


def offsets(taps: Shape) -> np.ndarray:
    """[prod(taps), len(taps)]: every tap, the last axis fastest."""
    return (
        np.stack([i.ravel() for i in np.indices(taps, np.int32)], -1) if taps else np.zeros((1, 0), np.int32)
    )


def when(flag: Array, body: Callable[[Any, T], T], operands: Any, state: T) -> T:
    """body(operands, state) if the flag is set, else the state; it costs nothing then, under `vmap` either."""

    # Not a `cond`, of which `vmap` would run both branches.
    def once(carry: tuple[Array, T]) -> tuple[Array, T]:
        index, state = carry
        return index + 1, body(_inside(index, operands), state)

    return lax.while_loop(lambda carry: flag & (carry[0] < 1), once, (jnp.int32(0), state))[1]


def _inside(index: Array, operands: T) -> T:
    """The same operands; adding 0 x index keeps XLA from moving work on them out of a loop that may never run."""
    return jax.tree.map(lambda x: x + 0 * index.astype(x.dtype), operands)
