"""Layouts of network parameters: Keras and TensorFlow beside PyTorch and Equinox."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Shaped

from nitrix._arguments import exact_array, whole_number
from nitrix.numerics.tensor_ops._axes import axes_of


def transpose(tensor: Shaped[ArrayLike, "..."], *, axes: Sequence[int] | None = None) -> Shaped[Array, "..."]:
    """Permute axes; by default reverse them, which turns a dense layer's [in out] (Keras) into [out in] (PyTorch).

    Args:
      tensor: The array.
      axes: For each axis of the result, the array's. None: in reverse order.
    Returns:
      The array.
    Raises:
      ValueError: If the axes are no permutation of the array's.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import transpose
      >>> transpose(jnp.ones((2, 3, 4))).shape, transpose(jnp.ones((2, 3, 4)), axes=(1, 0, -1)).shape
      ((4, 3, 2), (3, 2, 4))
    """
    array = exact_array(tensor, "transpose", "tensor")
    order = tuple(reversed(range(array.ndim))) if axes is None else axes_of(axes, array.ndim)
    if len(order) != array.ndim:
        raise ValueError(f"transpose: axes={axes} must name each axis of tensor, {array.shape}, once.")
    return jnp.transpose(array, order)


def reshape_to(tensor: Shaped[ArrayLike, "..."], shape: int | Sequence[int]) -> Shaped[Array, "..."]:
    """The same entries, in C order, in another shape.

    Args:
      tensor: The array.
      shape: The lengths of the axes; one of them may be -1, which is then worked out.
    Returns:
      The array.
    Raises:
      ValueError: If the shape holds another number of entries, or more than one -1.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import reshape_to
      >>> reshape_to(jnp.arange(6), (2, -1)).shape
      (2, 3)
    """
    array = exact_array(tensor, "reshape_to", "tensor")
    given = shape if isinstance(shape, Sequence) else (shape,)
    sizes = tuple(whole_number("shape", size, "reshape_to", least=-1) for size in given)
    rest = math.prod(size for size in sizes if size != -1)
    fits = rest == array.size if -1 not in sizes else rest > 0 and array.size % rest == 0
    if sizes.count(-1) > 1 or not fits:
        raise ValueError(
            f"reshape_to: the {array.size} entries of tensor {array.shape} do not fill shape {sizes}."
        )
    return array.reshape(sizes)


def transpose_tf_conv_kernel(kernel: Shaped[ArrayLike, "..."]) -> Shaped[Array, "..."]:
    """A convolution kernel of Keras or TensorFlow in the layout of PyTorch: `[*spatial in out]` to `[out in *spatial]`.

    The same permutation turns a TRANSPOSED convolution's kernel, which TensorFlow keeps as `[*spatial out in]`, into
    PyTorch's `[in out *spatial]`. Equinox's `ConvTranspose` correlates with its kernel `[out in *spatial]` instead:
    for it, swap the first two axes of the result and reverse the spatial ones.

    Args:
      kernel: The kernel, of any number of spatial axes.
    Returns:
      The kernel with its last axis first, then the one before it, then the spatial ones.
    Raises:
      ValueError: If there are fewer than two axes.
    References:
      Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016. doi:10.48550/arXiv.1603.07285
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import transpose_tf_conv_kernel
      >>> transpose_tf_conv_kernel(jnp.ones((3, 5, 16, 32))).shape
      (32, 16, 3, 5)
    """
    array = exact_array(kernel, "transpose_tf_conv_kernel", "kernel")
    if array.ndim < 2:
        raise ValueError(
            f"transpose_tf_conv_kernel: kernel has shape {array.shape}; give [*spatial in out], two axes or more."
        )
    n = array.ndim
    return jnp.transpose(array, (n - 1, n - 2, *range(n - 2)))


def broadcast_bias(bias: Shaped[ArrayLike, "*batch c"], spatial_rank: int) -> Shaped[Array, "..."]:
    """A bias ready to be added to channel-first images: (C,) to (C, 1, ..., 1).

    Args:
      bias: One number for each channel; leading axes stay.
      spatial_rank: How many axes of length 1 are put behind.
    Returns:
      The bias with its new axes.
    Raises:
      ValueError: If the bias is a single number, or spatial_rank negative.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.numerics.tensor_ops import broadcast_bias
      >>> broadcast_bias(jnp.ones(8), 3).shape
      (8, 1, 1, 1)
    """
    array = exact_array(bias, "broadcast_bias", "bias")
    if array.ndim == 0:
        raise ValueError("broadcast_bias: bias is a single number; give one for each channel.")
    return array.reshape(*array.shape, *(1,) * whole_number("spatial_rank", spatial_rank, "broadcast_bias"))
