"""Between symmetric matrices and the vectors of their entries above the diagonal."""

from typing import Literal

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Shaped

from nitrix._arguments import exact_array, known_numbers
from nitrix.linalg.matrix._symmetric import sym2vec, vec2sym

Direction = Literal["to_vector", "to_matrix"]


def squareform(X: Shaped[ArrayLike, "..."], *, direction: Direction | None = None) -> Shaped[Array, "..."]:
    """Turn symmetric matrices into the vectors of their entries above the diagonal, or such vectors into matrices.

    With `direction` it works under `jit` and on anything of the right shape. Without, the direction is guessed: what
    is not square in its last two axes is vectors; what is square there and symmetric (to 1e-5 of its largest number,
    NaN matching NaN) is matrices. A batch of n vectors of length n that is symmetric by chance is thus read as one
    matrix; one that is not symmetric is refused, since it may as well be a matrix gone wrong. In a program, name the
    direction.

    Args:
      X: Matrices [... n n], or vectors [... n (n - 1) / 2], of any dtype; it is kept.
      direction: "to_vector", "to_matrix", or None to guess from shape and numbers.
    Returns:
      Vectors in the order of `sym2vec`, or symmetric matrices with a diagonal of 0.
    Raises:
      ValueError: If the direction is unknown or cannot be guessed; if the matrices are not square, or the number of a
        vector's entries is not triangular.
    Note:
      Differences from `scipy.spatial.distance.squareform`: leading axes are a batch; the diagonal may hold anything
      and is left out; "to_vector" does not check for symmetry and reads the upper triangle; the dtype is kept.
    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import squareform
      >>> squareform(jnp.asarray([1.0, 2.0, 3.0]))
      Array([[0., 1., 2.],
             [1., 0., 3.],
             [2., 3., 0.]], dtype=float32)
      >>> jax.jit(lambda X: squareform(X, direction="to_vector"))(jnp.ones((3, 3)))
      Array([1., 1., 1.], dtype=float32)
    """
    array = exact_array(X, "squareform", "X")
    if direction is None:
        direction = _guessed(array)
    if direction == "to_vector":
        if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
            raise ValueError(
                f"squareform: X of shape {array.shape} holds no square matrices to make vectors of."
            )
        return sym2vec(array)
    if direction != "to_matrix":
        raise ValueError(f"squareform: direction={direction!r} must be 'to_vector', 'to_matrix' or None.")
    return vec2sym(array)


def _guessed(array: Shaped[Array, "..."]) -> Direction:
    """The direction that shape and numbers leave open to one reading."""
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        return "to_matrix"
    numbers = known_numbers(array)
    if numbers is None:
        raise ValueError(
            f"squareform: X of shape {array.shape} is traced, so whether it holds matrices or vectors cannot be told "
            f"from its numbers; name direction='to_vector' or direction='to_matrix'."
        )
    if numbers.dtype.kind not in "iufcb":  # bfloat16
        numbers = numbers.astype(np.float32)
    if numbers.dtype.kind in "bu":
        numbers = numbers.astype(np.float64)
    sizes = np.abs(numbers[np.isfinite(numbers)])
    transposed = np.swapaxes(numbers, -1, -2)
    if np.allclose(numbers, transposed, rtol=0, atol=1e-5 * sizes.max(initial=0), equal_nan=True):
        return "to_vector"
    raise ValueError(
        f"squareform: X of shape {array.shape} is square but not symmetric: symmetrise the matrices first, or name "
        f"direction='to_vector' (reads the upper triangle) or direction='to_matrix' (reads {array.shape[-2]} vectors)."
    )
