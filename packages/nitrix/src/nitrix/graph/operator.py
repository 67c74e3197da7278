"""What stands for a graph whose matrix is never made."""

from typing import Any, Protocol, runtime_checkable

from jax import Array


@runtime_checkable
class GraphOperator(Protocol):
    """An undirected graph of weights that are not negative, given by its products: for matrices that do not fit.

    Any pytree with these three serves, such as a NamedTuple of arrays; they are read often and should be cheap. A graph
    with self-loops has a fourth attribute, `diagonal` [... n], their weights; without it there are none.

    Example:
      >>> from typing import NamedTuple
      >>> import jax.numpy as jnp
      >>> from jax import Array
      >>> from nitrix.graph import laplacian_matvec
      >>> class Ring(NamedTuple):
      ...     degree: Array
      ...     @property
      ...     def n(self):
      ...         return self.degree.shape[-1]
      ...     def matmul(self, x):
      ...         return jnp.roll(x, 1, axis=-2) + jnp.roll(x, -1, axis=-2)
      >>> ring = Ring(jnp.full(5, 2.0))
      >>> laplacian_matvec(ring, jnp.eye(5)[:, :1], normalisation="combinatorial")[:, 0].tolist()
      [2.0, -1.0, 0.0, 0.0, -1.0]
    """

    @property
    def n(self) -> int:
        """Vertices."""

    @property
    def degree(self) -> Array:
        """[... n]: sums of rows, self-loops counted."""

    def matmul(self, x: Any) -> Array:
        """The product A x with a field [... n k]."""
