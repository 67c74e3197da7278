"""Arrays that a learned filter or matrix may begin as: a Laplace kernel on a grid, a Toeplitz matrix."""

import operator
from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Key, Num, Real, UInt32

from nitrix._arguments import check_width, known_value, per_axis, whole_number
from nitrix.linalg.matrix import toeplitz


def laplace_init(
    *,
    shape: Sequence[int],
    loc: Real[ArrayLike, ""] | Sequence[Real[ArrayLike, ""]] | None = None,
    width: Real[ArrayLike, ""] | Sequence[Real[ArrayLike, ""]] = 1,
    normalise: Literal["max", "sum"] | None = None,
    std: Real[ArrayLike, ""] = 0.02,
    excl_axis: int | Sequence[int] | None = None,
    key: Key[Array, ""] | UInt32[Array, " 2"] | None = None,
) -> Float[Array, "..."]:
    """A Laplace kernel on a grid, with noise: the product over axes of `exp(-|i - loc| / width)`, plus std N(0, 1).

    Args:
      shape: Of the array.
      loc: The peak along each axis of the kernel, in entries, which need not be whole: one number for all of them, or
        a sequence, of which fewer numbers than axes belong to the last ones. None: the centre, (n - 1) / 2.
      width: How far the kernel reaches, in entries: one number, or one for each axis of the kernel. Small widths make
        an impulse.
      normalise: "max" divides by the largest entry of the array, "sum" by the sum of all its entries, both before the
        noise; None leaves exp(0) = 1 at a whole `loc`.
      std: Standard deviation of the noise.
      excl_axis: Axes along which the array is constant but for the noise.
      key: Of `jax.random`; needed unless std is known to be 0.
    Returns:
      The array, of the default float dtype.
    Raises:
      ValueError: If an axis of `shape` is negative, excluded axes are out of range or named twice, loc or width have
        more or other numbers than axes, a width is not positive, std is negative, or the key is absent.
      TypeError: If an axis is no integer.
    Note:
      The noise was called `var` in older code, which used it as a standard deviation too.
    Example:
      >>> from nitrix.linalg import laplace_init
      >>> kernel = laplace_init(shape=(2, 3), excl_axis=0, normalise="sum", std=0)
      >>> [round(value, 3) for value in kernel[0].tolist()]
      [0.106, 0.288, 0.106]
    """
    name = "laplace_init"
    sizes = tuple(whole_number("shape", size, name) for size in shape)
    axes = _kernel_axes(len(sizes), excl_axis)
    if loc is None:
        centres: list[Any] = [(sizes[axis] - 1) / 2 for axis in axes]
    else:
        if isinstance(loc, Sequence) and len(loc) < len(axes):
            axes = axes[len(axes) - len(loc) :]
        centres = per_axis("loc", loc, len(axes), name)
    widths = per_axis("width", width, len(axes), name)
    if normalise not in (None, "max", "sum"):
        raise ValueError(f"{name}: normalise={normalise!r} must be 'max', 'sum' or None.")
    for value in widths:
        check_width("width", value, name, at_least_zero=False)
    check_width("std", std, name, at_least_zero=True)

    dtype = jax.dtypes.canonicalize_dtype(float)
    kernel = jnp.ones(sizes, dtype)
    for axis, centre, reach in zip(axes, centres, widths, strict=True):
        index = jnp.arange(sizes[axis], dtype=dtype)
        profile = jnp.exp(-jnp.abs(index - jnp.asarray(centre, dtype)) / jnp.asarray(reach, dtype))
        kernel = kernel * jnp.expand_dims(profile, [a for a in range(len(sizes)) if a != axis])
    if normalise is not None and kernel.size:
        kernel = kernel / (kernel.max() if normalise == "max" else kernel.sum())
    if known_value(std) == 0:
        return kernel
    if key is None:
        raise ValueError(f"{name}: noise needs random numbers; give key, of jax.random, or std=0.")
    return kernel + jnp.asarray(std, dtype) * jax.random.normal(key, sizes, dtype)


def toeplitz_init(
    *,
    shape: Sequence[int],
    c: Num[ArrayLike, " rows"],
    r: Num[ArrayLike, " columns"] | None = None,
    fill_value: Num[ArrayLike, ""] = 0.0,
) -> Num[Array, "*batch m n"]:
    """An array of Toeplitz matrices, all alike: `toeplitz` of a shape.

    Args:
      shape: Of the array; its last two axes are the matrix.
      c: First column.
      r: First row, whose first entry is not read. None: the conjugate of `c`.
      fill_value: What stands on diagonals beyond `c` and `r`.
    Returns:
      The array, of the dtype that holds `c`, `r` and `fill_value`, which is floating by default.
    Raises:
      ValueError: If `shape` has fewer than two axes or a negative one; otherwise as `toeplitz`.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import toeplitz_init
      >>> toeplitz_init(shape=(2, 3), c=jnp.asarray([1.0, 0.5]))
      Array([[1. , 0.5, 0. ],
             [0.5, 1. , 0.5]], dtype=float32)
    """
    sizes = tuple(whole_number("shape", size, "toeplitz_init") for size in shape)
    if len(sizes) < 2:
        raise ValueError(f"toeplitz_init: shape={sizes} must have the two axes of a matrix, at least.")
    matrix = toeplitz(c, r, shape=(sizes[-2], sizes[-1]), fill_value=fill_value)
    return jnp.broadcast_to(matrix, sizes)


def _kernel_axes(rank: int, excluded: int | Sequence[int] | None) -> list[int]:
    """The axes that are not excluded."""
    given = () if excluded is None else excluded if isinstance(excluded, Sequence) else (excluded,)
    axes = [operator.index(axis) for axis in given]
    if any(not -rank <= axis < rank for axis in axes) or len({a % rank for a in axes}) < len(axes):
        raise ValueError(f"laplace_init: excl_axis={excluded} must be different axes of {rank}.")
    return [axis for axis in range(rank) if axis not in {a % rank for a in axes}]
