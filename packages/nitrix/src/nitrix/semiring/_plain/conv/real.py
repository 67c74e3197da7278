"""The ordinary convolution: streamed for its value, and as matrix products where it is differentiated."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.semiring._plain.conv import taps
from nitrix.semiring._plain.conv.window import (
    Window,
    channels_first,
    channels_last,
    offsets,
    pad,
    present,
    span,
    when,
    within,
)

# A line of the image, cut into overlapping windows of a few output voxels, meets the kernel's taps of the last axis as
# a band matrix: [lines, in * c_in] x [in * c_in, b * c_out], once for each tap of the other axes. The matrices are
# large enough for the platform's product, and so are their transposes; the windows take less than twice the image.

COLUMNS = 64  # about, of a window with its channels
WASTE = 6  # at most: the window over its taps, since all other products are with zeros
MANY = 32  # channels, from which each tap alone is matrix enough


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def conv(x: Array, k: Array, window: Window) -> Array:
    """[*spatial, c_in], [*taps, c_in, c_out] -> [*out, c_out]."""
    if not jnp.issubdtype(k.dtype, jnp.inexact):
        return value(x, k, window)
    if not window.padded():
        return value(x, k, window)
    finite = jnp.isfinite(k)
    out = value(x, jnp.where(finite, k, 0), window)

    # Zeros beyond the border times infinity would be NaN.
    def again(operands: tuple[Array, Array], out: Array) -> Array:
        return _streamed(*operands, window, present(x.shape[:-1], window, x.dtype))

    return when(~finite.all(), again, (x, k), out)


@conv.defjvp
def _(window: Window, primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (x, k), (dx, dk) = primals, tangents
    return conv(x, k, window), linear(dx, k, window) + linear(x, dk, window)


def value(x: Array, k: Array, window: Window) -> Array:
    """The convolution where no infinity meets a border."""
    floating = jnp.issubdtype(k.dtype, jnp.floating)
    return linear(x, k, window) if floating and k.shape[-2] >= MANY else _streamed(x, k, window, None)


def _streamed(x: Array, k: Array, window: Window, inside: Array | None) -> Array:
    out, c_out = window.out(x.shape[:-1], k.shape[:-2]), k.shape[-1]
    images = (pad(channels_first(x), window, 0), inside)

    def step(total: Array, a: tuple[Array, Array | None], b: Array, _: Array) -> Array:
        image, counts = a
        return total + within(counts, image * b)

    def block(row: Any, rows: int) -> Array:
        shape = (rows, *out[1:])
        return taps.fold(jnp.zeros((c_out, *shape), x.dtype), step, images, k, shape, window, row)

    return channels_last(taps.in_row_blocks(block, out, c_out))


def linear(x: Array, k: Array, window: Window) -> Array:
    """The convolution in a form whose transposes are as fast as itself."""
    sizes, c_in, c_out = k.shape[:-2], *k.shape[-2:]
    out = window.out(x.shape[:-1], sizes)
    edges = ((low, high, 0) for low, high in zip(window.low, window.high))
    image = lax.pad(x, jnp.zeros((), x.dtype), (*edges, (0, 0, 0)))
    block = _block(sizes[-1], c_in, window.stride[-1], window.dilation[-1], out[-1])
    if block is None:
        return _by_taps(image, k, out, window, sizes)
    image, band = _windows(image, block, out[-1], sizes[-1], window), _band(k, block, window)
    blocks = image.shape[-2]
    total = _by_taps(image, band, (*out[:-1], blocks), window, sizes[:-1])
    return total.reshape(*out[:-1], blocks * block, c_out)[..., : out[-1], :]


def _by_taps(image: Array, k: Array, out: tuple[int, ...], window: Window, sizes: tuple[int, ...]) -> Array:
    """Sum over these taps of image[o * stride + p * dilation] @ k[p]; axes after them are read as they are."""
    columns = k.shape[-1]
    matrices = k.reshape(int(np.prod(sizes)), -1, columns)
    read = [(n - 1) * s + 1 for n, s, _ in zip(out, window.stride, sizes)] + list(out[len(sizes) :])
    stride = [s for s, _ in zip(window.stride, sizes)] + [1] * (len(out) - len(sizes) + 1)

    @partial(
        jax.checkpoint, prevent_cse=False
    )  # a derivative slices the image again instead of keeping the slices
    def one(total: Array, tap: tuple[Array, Array]) -> tuple[Array, None]:
        at, matrix = tap
        first = [*at, *(jnp.int32(0) for _ in image.shape[len(sizes) :])]
        rows = lax.slice(
            part := lax.dynamic_slice(image, first, (*read, image.shape[-1])),
            [0] * part.ndim,
            part.shape,
            stride,
        )
        return total + jnp.matmul(
            rows.reshape(-1, rows.shape[-1]), matrix, precision=lax.Precision.HIGHEST
        ), None

    at = offsets(sizes) * np.asarray(window.dilation[: len(sizes)], np.int32)
    total = jnp.zeros((int(np.prod(out)), columns), image.dtype)
    total, _ = lax.scan(one, total, (jnp.asarray(at), matrices))
    return total.reshape(*out, columns)


def _block(size: int, c_in: int, stride: int, dilation: int, n: int) -> int | None:
    """Output voxels of a window; None where taps had better be taken one by one."""
    beyond = span(size, dilation) - stride  # what a window reads of the next one
    block = max(COLUMNS // c_in - beyond, -(-beyond // stride), 1)
    block = min(block, max(WASTE * size // (2 * stride), -(-beyond // stride), 1), n)
    wasteful = (block - 1) * stride + span(size, dilation) > WASTE * size
    return None if c_in >= MANY or wasteful else block


def _windows(image: Array, block: int, n: int, size: int, window: Window) -> Array:
    """[..., line, c] -> [..., blocks, in * c]: the parts of the line that `block` output voxels read."""
    stride, c = window.stride[-1], image.shape[-1]
    blocks, step = -(-n // block), block * stride
    length = (block - 1) * stride + span(size, window.dilation[-1])
    fill = (blocks - 1) * step + max(length, step) + (step if blocks > 1 else 0) - image.shape[-2]
    image = lax.pad(
        image, jnp.zeros((), image.dtype), (*((0, 0, 0),) * (image.ndim - 2), (0, fill, 0), (0, 0, 0))
    )
    if blocks == 1:
        return image[..., :length, :].reshape(*image.shape[:-2], 1, length * c)
    lines = image[..., : (blocks + 1) * step, :].reshape(*image.shape[:-2], blocks + 1, step, c)
    parts = [lines[..., :-1, : min(step, length), :]]
    if length > step:
        parts.append(lines[..., 1:, : length - step, :])
    return jnp.concatenate(parts, -2).reshape(*image.shape[:-2], blocks, length * c)


def _band(k: Array, block: int, window: Window) -> Array:
    """[*taps, c_in, c_out] -> [*taps but the last, in * c_in, block * c_out]."""
    size, c_in, c_out = k.shape[-3:]
    stride, dilation = window.stride[-1], window.dilation[-1]
    length = (block - 1) * stride + span(size, dilation)
    tap, off = np.divmod(np.arange(length)[:, None] - np.arange(block) * stride, dilation)
    tap = np.where((off == 0) & (tap >= 0) & (tap < size), tap, size)
    padded = jnp.concatenate([k, jnp.zeros_like(k[..., :1, :, :])], -3)
    band = padded[..., jnp.asarray(tap), :, :]  # [..., in, block, c_in, c_out]
    return band.swapaxes(-3, -2).reshape(*k.shape[:-3], length * c_in, block * c_out)
