"""The sampled Gaussian along one axis as a matrix product, with the boundary rule folded into the matrix.

A dense n x n matrix costs n products per voxel whatever sigma is, which a CPU does faster than 2 * radius + 1
shifted additions. Where the axis is long and the kernel short beside it, the axis is cut into blocks and each
block's window (the block and its margins) is multiplied by one small matrix that all blocks share.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Inexact, Int, Num, Real

from nitrix._boundary import source_index

SHORTEST_CUT = 256  # samples: what windows save below is lost in copying them
LONGEST_DENSE = 1024  # samples: a dense matrix of 4 MiB in float32
BLOCKS = (32, 1024)  # the smallest and the largest block of the windowed form


def smooth_axis(
    x: Inexact[Array, "..."],
    axis: int,
    weights: Real[Array, " tap"],
    *,
    mode: str,
    cval: Num[Array, ""] | None,
) -> Inexact[Array, "..."]:
    """Correlate one axis with `weights` (offsets -reach..reach); `cval` None stands for zero."""
    n, reach = x.shape[axis], weights.shape[0] // 2
    leading = int(np.prod(x.shape[:axis]))
    lines = x.reshape(leading, n, -1)
    blocks = max(1, n // max(BLOCKS[0], min(4 * reach, BLOCKS[1]), reach))
    block = max(-(-n // blocks), reach)
    # Windows halve the products or better; on a leading axis a dense product needs no transposition and wins.
    short = n > SHORTEST_CUT and 2 * (block + 2 * reach) <= n and leading > 1
    if n > LONGEST_DENSE or short:
        out = (_short_windows if n <= LONGEST_DENSE else _windows)(
            lines, weights.astype(x.dtype), mode, block
        )
    else:
        out = _product(dense_matrix(weights, n, mode).astype(x.dtype), lines)
    if mode == "constant" and cval is not None:
        out = out + border_values(weights, n, cval, x.dtype)[:, None]
    return out.reshape(x.shape)


def gaussian_weights(
    sigma: Real[Array, ""], radius: Int[Array, ""], scale: Real[Array, ""], *, reach: int, order: int
) -> Real[Array, " tap"]:
    """Weights of the offsets -reach..reach, zero beyond `radius`, NaN where sigma or radius cannot be served.

    With u = offset / sigma the derivatives of the density are (-1 / sigma)^m He_m(u) exp(-u^2 / 2), He_m
    being the Hermite polynomials. A correlation runs against the sign of a convolution, hence (+1 / sigma)^m.
    """
    offset = jnp.arange(-reach, reach + 1, dtype=sigma.dtype)
    inside = jnp.abs(offset) <= radius.astype(sigma.dtype)
    flat = sigma <= 1e-15  # as SciPy: such an axis is left alone
    safe = jnp.where(flat, jnp.ones_like(sigma), sigma)
    u = jnp.where(inside, offset, jnp.zeros_like(offset)) / safe
    density = jnp.where(inside, jnp.exp(-(u**2) / 2), jnp.zeros_like(u))
    weights = density / density.sum()
    if order:
        lower, hermite = jnp.zeros_like(u), jnp.ones_like(u)
        for m in range(order):
            lower, hermite = hermite, u * hermite - m * lower
        weights = weights * hermite / (safe * scale) ** order
    weights = jnp.where(flat, (offset == 0).astype(sigma.dtype), weights)
    served = (sigma >= 0) & (radius <= reach)
    return jnp.where(served, weights, jnp.full_like(weights, jnp.nan))


def dense_matrix(weights: Real[Array, " tap"], n: int, mode: str) -> Real[Array, "n n"]:
    """The matrix M with (M x)[i] = sum_o weights[o] extended_x[i + o], `extended_x` following `mode`."""
    reach = weights.shape[0] // 2
    i, j = np.arange(n)[:, None], np.arange(n)[None, :]
    if mode in ("constant", "nearest"):
        matrix = _at(weights, j - i + reach)
        if mode == "nearest":
            before, after = _tails(weights, n)
            matrix = matrix.at[:, 0].add(before).at[:, -1].add(after)
        return matrix
    # The extension repeats with a period, so the weights of equal offsets modulo the period are summed first;
    # the second image of a sample in one period is its reflection.
    period = {"wrap": n, "reflect": 2 * n, "mirror": max(2 * n - 2, 1)}[mode]
    offset = np.arange(-reach, reach + 1) % period
    folded = jnp.zeros(period, weights.dtype).at[offset].add(weights)
    matrix = folded[(j - i) % period]
    if mode == "reflect":
        matrix = matrix + folded[(-1 - j - i) % period]
    if mode == "mirror":  # the two end samples are their own reflections
        reflected = folded[(-j - i) % period]
        matrix = matrix + jnp.where((j > 0) & (j < n - 1), reflected, jnp.zeros_like(reflected))
    return matrix


def border_values(
    weights: Real[Array, " tap"], n: int, cval: Num[Array, ""], dtype: Any
) -> Inexact[Array, " n"]:
    """What the value outside the image adds to each sample of an axis."""
    before, after = _tails(weights, n)
    outside = before + after
    # A cval of NaN or infinity is for the border alone, so it is never multiplied by zero.
    return jnp.where(outside != 0, cval * outside.astype(dtype), jnp.zeros((), dtype))


def _tails(weights: Real[Array, " tap"], n: int) -> tuple[Real[Array, " n"], Real[Array, " n"]]:
    """For each sample, the weight that falls before the first and after the last sample of the axis."""
    reach, taps = weights.shape[0] // 2, weights.shape[0]
    zero = jnp.zeros(1, weights.dtype)
    rising = jnp.concatenate([zero, jnp.cumsum(weights)])
    falling = jnp.concatenate([zero, jnp.cumsum(weights[::-1])])
    i = np.arange(n)
    return rising[(reach - i).clip(0, taps)], falling[(reach + 1 - n + i).clip(0, taps)]


def _windows(
    lines: Inexact[Array, "l n r"], weights: Inexact[Array, " tap"], mode: str, block: int
) -> Inexact[Array, "l n r"]:
    """One small matrix times the window of every block, (block + 2 reach) / block volumes in all."""
    leading, n, trailing = lines.shape
    reach = weights.shape[0] // 2
    blocks = -(-n // block)
    covered, width = blocks * block, block + 2 * reach
    fill = {"mode": "fill", "fill_value": 0} if mode == "constant" else {"mode": "clip"}
    before = source_index(np.arange(-reach, 0), n, mode)
    after = source_index(np.arange(n, covered + reach), n, mode)
    padded = jnp.concatenate(
        [jnp.take(lines, before, axis=1, **fill), lines, jnp.take(lines, after, axis=1, **fill)], axis=1
    )
    # Gathering whole windows would do, but its transpose is a scatter; that of slices is cheap.
    low, core, high = (
        padded[:, start : start + covered].reshape(leading, blocks, block, trailing)
        for start in (0, reach, 2 * reach)
    )
    windows = jnp.concatenate([low[:, :, :reach], core, high[:, :, block - reach :]], axis=2)
    matrix = _at(weights, np.arange(width)[None, :] - np.arange(block)[:, None])
    if trailing == 1:
        out = jnp.einsum("ik,lbk->lbi", matrix, windows[..., 0], precision=lax.Precision.HIGHEST)
    else:
        out = jnp.einsum("ik,lbkr->lbir", matrix, windows, precision=lax.Precision.HIGHEST)
    return out.reshape(leading, blocks * block, trailing)[:, :n]


# The transpose of overlapping windows is slow. Where the dense matrix exists, the tangent is computed by it:
#   d(M x) = M dx + dM x, the same numbers, and its transpose is a matrix product again.
_short_windows = jax.custom_jvp(_windows, nondiff_argnums=(2, 3))


def _short_windows_jvp(mode: str, block: int, primals: Any, tangents: Any) -> tuple[Any, Any]:
    lines, weights = primals
    n = lines.shape[1]
    terms = []
    if not isinstance(tangents[0], SymbolicZero):
        terms.append(_product(dense_matrix(weights, n, mode), tangents[0]))
    if not isinstance(tangents[1], SymbolicZero):
        terms.append(_product(dense_matrix(tangents[1], n, mode), lines))
    return _short_windows(lines, weights, mode, block), sum(terms[1:], terms[0])


_short_windows.defjvp(_short_windows_jvp, symbolic_zeros=True)


def _product(matrix: Inexact[Array, "n n"], lines: Inexact[Array, "l n r"]) -> Inexact[Array, "l n r"]:
    """The matrix applied to axis 1; on the first and the last axis of an image without transposition."""
    if lines.shape[2] == 1:
        out = jnp.matmul(lines[..., 0], matrix.T, precision=lax.Precision.HIGHEST)
        return out[..., None]
    if lines.shape[0] == 1:
        return jnp.matmul(matrix, lines[0], precision=lax.Precision.HIGHEST)[None]
    return jnp.matmul(matrix, lines, precision=lax.Precision.HIGHEST)


def _at(weights: Inexact[Array, " tap"], index: np.ndarray) -> Inexact[Array, "..."]:
    """The weights at `index`, zero outside them."""
    taps = weights.shape[0]
    padded = jnp.concatenate([weights, jnp.zeros(1, weights.dtype)])
    return padded[np.where((index < 0) | (index >= taps), taps, index)]
