"""All axes of an image by dense matrix products, each of which takes the last axis and puts it first.

One turn contracts the last axis, out[k, rest] = sum_j matrix[k, j] x[rest, j], and after as many turns as there are
axes the image stands as before. Every turn is one large product of two matrices, where smoothing a middle axis in
its place is many small ones; nothing is transposed, and sizes that are no multiples of anything cost no more.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Inexact, Num, Real

from nitrix.smoothing._gaussian_axis import border_values, dense_matrix

LONGEST = 384  # samples: beyond, short kernels are cheaper in windows
BATCHED = (
    8  # with a batch, each image is that many times wider than long, so that matrices stay small beside it
)


def takes_turns(shape: Sequence[int], plan: Sequence[tuple[int, int, int]], *, outside: bool) -> bool:
    """Whether the axes of `plan`, (axis, reach, order) each, are smoothed in turns; `outside`: there is a cval."""
    axes = [axis for axis, _, _ in plan]
    if len(axes) < 2 or axes != list(range(axes[0], len(shape))):
        return False
    if outside and any(order for _, _, order in plan):
        return False  # the same value stands outside a derivative, so that the order of the axes shows
    sizes = [shape[axis] for axis in axes]
    voxels, images = math.prod(sizes), math.prod(shape[: axes[0]])
    return max(sizes) <= LONGEST and (images == 1 or BATCHED * max(sizes) ** 2 <= voxels)


def smooth_in_turns(
    x: Inexact[Array, "..."],
    weights: Sequence[Real[Array, "_"]],
    *,
    mode: str,
    cval: Num[Array, ""] | None,
) -> Inexact[Array, "..."]:
    """Correlate the last axes with their `weights` (offsets -reach..reach)."""
    images = math.prod(x.shape[: x.ndim - len(weights)])
    out = x.reshape(images, *x.shape[x.ndim - len(weights) :])
    for w in reversed(weights):
        n = out.shape[-1]
        matrix = dense_matrix(w, n, mode).astype(x.dtype)
        rest = out.reshape(images, -1, n)
        turned = (images, n, *out.shape[1:-1])
        if images == 1:
            out = lax.dot_general(matrix, rest[0], (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)
        else:
            each = jnp.broadcast_to(matrix, (images, n, n))
            out = lax.dot_general(each, rest, (((2,), (2,)), ((0,), (0,))), precision=lax.Precision.HIGHEST)
        if mode == "constant" and cval is not None:
            out = out.reshape(images, n, -1) + border_values(w, n, cval, x.dtype)[:, None]
        out = out.reshape(turned)
    return out.reshape(x.shape)
