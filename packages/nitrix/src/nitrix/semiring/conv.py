"""The convolution over a semiring: contract, checks, choice of backend."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Shaped

from nitrix.backend import Backend, Implementation, choose
from nitrix.semiring import conv_kernels
from nitrix.semiring._plain.conv import products
from nitrix.semiring._plain.conv.taps import STATE_ENTRIES
from nitrix.semiring._plain.conv.window import Window
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import REAL
from nitrix.semiring.conv_arguments import window_of
from nitrix.semiring.operands import Operands, empty_sum, operands

IMPLEMENTATIONS = (
    Implementation("pallas-cuda", "nitrix._kernels.cuda.semiring_conv", conv_kernels.cuda_refuses),
    Implementation("pallas-tpu", "nitrix.semiring.conv_kernels", conv_kernels.tpu_refuses),
    Implementation("jax", "nitrix.semiring._plain.conv.products", lambda semiring, dtype, entries: None),
)


def semiring_conv(
    x: Shaped[ArrayLike, "*batch_and_spatial c_in"],
    k: Shaped[ArrayLike, "*kspatial c_in c_out"],
    *,
    semiring: Semiring[Any] = REAL,
    stride: int | Sequence[int] = 1,
    padding: str | Sequence[Sequence[int]] = "SAME",
    dilation: int | Sequence[int] = 1,
    backend: Backend = "auto",
) -> Shaped[Array, "*batch_and_out c_out"]:
    """Convolve over a semiring: `out[o, j] = (+)_(p, c) x[o * stride + p * dilation - low, c] (*) k[p, c, j]`.

    As in `lax.conv_general_dilated` the kernel is not flipped. It has as many spatial axes as it has axes before its
    two channels; the axes of x before those are batch axes (for a batch of kernels take `jax.vmap`). No array of
    patches is made, forward or backward: temporaries are a few times the operands and the result.

    A tap beyond the border takes no part in the sum, whatever the algebra and the kernel: over `EUCLIDEAN` it adds no
    `(0 - k)**2`, and an infinity or a NaN of the kernel does not enter where its tap stands outside. Dtypes, NaN and
    infinities are otherwise treated as by `semiring_matmul`. `REAL` keeps full float32 precision.

    Derivatives: `REAL` and the tropical algebras in both modes, through the first term (in the order of the kernel's
    axes) that attains the extremum where several do; `LOG` and `EUCLIDEAN` in reverse mode, and forward over reverse;
    all to every order. On `pallas-cuda` every algebra has the modes of `LOG`. An empty or infinite log-sum and a zero
    distance have derivative 0. `BOOLEAN` and users' algebras have none.

    With `TROPICAL_MAX_PLUS` this is dilation of a grey image by a weighted structuring element, reflected.

    Args:
      x: Images `[..., *spatial, c_in]`.
      k: Kernel `[*kspatial, c_in, c_out]`.
      semiring: The algebra, a built-in one or your own `Semiring`.
      stride: Step from one output to the next in voxels, one or one for each spatial axis.
      padding: "SAME" (an output for every `stride` voxels, the odd voxel of padding after the end), "VALID" (no
        padding), or (low, high) for each spatial axis.
      dilation: Step from one tap to the next in voxels, one or one for each spatial axis.
      backend: "auto", "pallas-cuda", "pallas-tpu" or "jax"; see `nitrix.backend`.
    Returns:
      The convolution `[..., *out, c_out]`. An axis shorter than its taps has no output; without taps or channels every
      entry is the algebra's identity.
    Raises:
      ValueError: If shapes do not fit, or an option has the wrong length or value.
      TypeError: If an option is no integer; if a complex operand meets an algebra of real numbers; on differentiating
        `BOOLEAN` or a user's algebra; where the state of a user's algebra has no entry for each result.
    References:
      P. Maragos, Slope transforms: theory and application to nonlinear signal processing. IEEE Transactions on Signal
      Processing 43 (4), 1995. doi:10.1109/78.376839
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.semiring import TROPICAL_MAX_PLUS
      >>> signal = jnp.asarray([0.0, 5.0, 0.0, 0.0, 1.0])[:, None]
      >>> cone = jnp.asarray([-1.0, 0.0, -1.0])[:, None, None]
      >>> semiring_conv(signal, cone, semiring=TROPICAL_MAX_PLUS)[:, 0]
      Array([4., 5., 4., 0., 1.], dtype=float32)
    """
    x, k = (operand if isinstance(operand, Array) else jnp.asarray(operand) for operand in (x, k))
    window = window_of(x.shape, k.shape, stride, padding, dilation)
    given = operands("semiring_conv", semiring, x=x, k=k)
    image = x.shape[-k.ndim + 1 :]
    entries = max(_size(k.shape), _size(image), _size(window.out(image[:-1], k.shape[:-2])) * k.shape[-1])
    chosen = choose(
        IMPLEMENTATIONS, backend, semiring, given.working, entries, function="semiring_conv", arrays=(x, k)
    )
    return _convolve(x, k, semiring, window, given, chosen)


@partial(jax.jit, static_argnames=("semiring", "window", "given", "chosen"))
def _convolve(
    x: Array, k: Array, semiring: Semiring[Any], window: Window, given: Operands, chosen: Implementation
) -> Array:
    rank = k.ndim - 2
    batch, image = x.shape[: -rank - 1], x.shape[-rank - 1 :]
    out = (*window.out(image[:-1], k.shape[:-2]), k.shape[-1])
    if 0 in (*batch, *out, *image, *k.shape):
        return given.give_back(empty_sum(semiring, (*batch, *out), given.working))
    plain = chosen.backend == "jax"
    product = (
        products.product(semiring, window) if plain else conv_kernels.product(chosen.load(), semiring, window)
    )
    kernel = given.take(k)
    images = given.take(x).reshape(-1, *image)

    def one(image: Array) -> Array:
        return product(image, kernel)

    entries = max(_size(out), _size(image))
    group = max(1, STATE_ENTRIES // entries) if plain else len(images)
    if len(images) == 1:
        result = one(images[0])[None]
    elif group >= len(images):
        result = jax.vmap(one)(images)
    else:
        result = lax.map(one, images, batch_size=group)
    return given.give_back(result.reshape(*batch, *out))


def _size(shape: Sequence[int]) -> int:
    entries = 1
    for length in shape:
        entries *= length
    return entries
