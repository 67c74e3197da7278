"""Messages by a small network that is described by its weights, so that its first layer runs on vertices, not edges."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, eq=False)
class EdgeMLP:
    """A message that a multi-layer perceptron makes of both ends of an edge.

    `message(i, j) = W_L a(... W_2 a(own' x_i + neighbour' x_j + bias) + b_2 ...) + b_L`, with the activation a between
    the layers and, if `activate_last`, after the last one. As the first layer is linear in both ends, it is worked out
    for vertices and not for edges, k times fewer. The edge convolution of [1], on (x_i, x_j - x_i) with the weights
    (A, B), has `own = A - B`, `neighbour = B`.

    A pytree of its weights: pass it to `semiring_ell_edge_aggregate` in place of a function, and differentiate in it.

    Args:
      own: Weights of the first layer on x_i, [d_in, h].
      neighbour: Weights of the first layer on x_j, [d_in, h].
      bias: Of the first layer, [h].
      layers: (weights [h, h'], bias [h']) of each further layer.
      activation: Elementwise, such as `jax.nn.relu`.
      activate_last: Whether the activation follows the last layer too.
    References:
      [1] Y. Wang et al., Dynamic graph CNN for learning on point clouds, ACM Trans. Graph. 38, 2019.
      doi:10.1145/3326362
    Example:
      >>> import jax.numpy as jnp
      >>> edge = EdgeMLP(jnp.zeros((3, 2)), jnp.ones((3, 2)), jnp.zeros(2))
      >>> edge(jnp.zeros(3), jnp.asarray([1.0, 2.0, -9.0]))
      Array([0., 0.], dtype=float32)
    """

    own: Float[Array, "d_in h"]
    neighbour: Float[Array, "d_in h"]
    bias: Float[Array, " h"]
    layers: tuple[tuple[Float[Array, "_ _"], Float[Array, " _"]], ...] = ()
    activation: Callable[[Array], Array] = jax.nn.relu
    activate_last: bool = True

    def tree_flatten(self) -> tuple[Any, Any]:
        return (self.own, self.neighbour, self.bias, self.layers), (self.activation, self.activate_last)

    @classmethod
    def tree_unflatten(cls, static: Any, weights: Any) -> "EdgeMLP":
        new = object.__new__(cls)  # unchecked: a transformation may put anything in place of the weights
        names = ("own", "neighbour", "bias", "layers", "activation", "activate_last")
        for name, value in zip(names, (*weights, *static)):
            object.__setattr__(new, name, value)
        return new

    def __call__(
        self, x_i: Float[Array, " d_in"], x_j: Float[Array, " d_in"], *_: Any
    ) -> Float[Array, " d_out"]:
        """The message of one edge."""
        return self.after_first(_dot(x_i, self.own) + self.bias + _dot(x_j, self.neighbour))

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the first layer's output, and of each further one's."""
        return (self.bias.shape[0], *(bias.shape[0] for _, bias in self.layers))

    def vertex_parts(self, x: Float[Array, "n d_in"]) -> tuple[Float[Array, "n h"], Float[Array, "n h"]]:
        """What each vertex gives to the first layer's sums: as the receiver, bias included, and as the neighbour."""
        return _dot(x, self.own) + self.bias, _dot(x, self.neighbour)

    def after_first(self, x: Float[Array, "*edges h"]) -> Float[Array, "*edges d_out"]:
        """The rest of the network, from the first layer's sums on."""
        for weights, bias in self.layers:
            x = _dot(self.activation(x), weights) + bias
        if self.activate_last:
            x = self.activation(x)
        return x


def _dot(x: Array, weights: Array) -> Array:
    return jnp.matmul(x, weights, precision=jax.lax.Precision.HIGHEST)
