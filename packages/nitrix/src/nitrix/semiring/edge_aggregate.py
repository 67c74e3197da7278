"""Message passing: the sum (+) over a vertex's neighbours of what a function makes of each edge."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Shaped

from nitrix.backend import Backend, Implementation, choose
from nitrix.semiring import edge_kernels, kernels
from nitrix.semiring._plain import aggregate
from nitrix.semiring._plain.aggregate import Edges, Message
from nitrix.semiring._plain.ell_gathered import Sections
from nitrix.semiring.adjacency import Adjacency, SectionedAdjacency
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import BOOLEAN, REAL, builtin
from nitrix.semiring.edge_mlp import EdgeMLP
from nitrix.semiring.ell_products import columns_of
from nitrix.semiring.operands import Operands, empty_sum, form, operands
from nitrix.semiring.stored import Stored, marked, over_batch, stored

NAME = "semiring_ell_edge_aggregate"

# Of a function that is not described by its weights, `widths` is None: no kernel can hold it, and that is no fallback.
EDGE_AGGREGATE = (
    Implementation("pallas-cuda", "nitrix._kernels.cuda.edge_mlp", kernels.cuda_edge_mlp_refuses),
    Implementation("jax", "nitrix.semiring._plain.aggregate", lambda semiring, dtype, widths: None),
)


def semiring_ell_edge_aggregate(
    edge_fn: Callable[..., Any],
    ell: Adjacency | SectionedAdjacency,
    x: Shaped[ArrayLike, "*batch n d_in"],
    *,
    semiring: Semiring[Any] = REAL,
    edge_attr: Shaped[ArrayLike, "..."] | tuple[Any, ...] | None = None,
    backend: Backend = "auto",
) -> Shaped[Array, "*batch n d_out"]:
    """Aggregate messages over edges: `out[i] = (+)_p edge_fn(x[i], x[j], value, (i, j)[, edge_attr])`.

    The sum runs over the slots p of row i that count, with the neighbour j = indices[i, p] and value = values[i, p].
    Slots are taken a few at a time for all rows, so that no array of all edges is kept; the backward pass
    makes the messages again. Pads never contribute, to the result or to any derivative. The algebra's sum is taken of
    the messages as they are: log-sum-exp in LOG, root of the sum of squares in EUCLIDEAN, any in BOOLEAN.

    Derivatives are exact in x, the values, edge_attr, the leaves of an `edge_fn` that is a pytree, and what it closes
    over. In reverse mode the cotangents of neighbours are scattered, in an order that is not fixed on a GPU; where the
    adjacency carries its transposed slots (`nitrix.sparse.ell_with_transpose`) a second sweep gathers them in a fixed
    order, for one more evaluation of every message. Through an extremum the first slot that attains it has the
    derivative. JAX refuses forward mode of the first derivative; forward over reverse is served.

    Args:
      edge_fn: Any JAX function of one edge: two vectors [d_in], a scalar, a pair of integer scalars and, if given, the
        edge's attribute; returns a vector [d_out]. Define it once, or call this under `jit`: a new function is compiled
        anew. An `EdgeMLP` is served with its first layer on vertices.
      ell: Adjacency of n vertices, flat or sectioned.
      x: Features of the vertices.
      semiring: The algebra whose sum (+) is taken.
      edge_attr: Attributes of each slot, [n, k_max, ...]; for a sectioned adjacency a tuple, one array per section.
      backend: "auto", "pallas-cuda", "pallas-tpu" or "jax"; a kernel, for values and not for derivatives, is there for
        an `EdgeMLP` on CUDA.
    Returns:
      The sums, in the dtype of the messages; a vertex without neighbours has the algebra's identity.
    Raises:
      ValueError: If shapes do not fit, or a message is not a vector.
      TypeError: If a message is no array, or not of a dtype that the algebra sums (BOOLEAN wants boolean messages).
    References:
      J. Gilmer et al., Neural message passing for quantum chemistry, ICML 2017. arXiv:1704.01212
    Example:
      >>> from nitrix.sparse import ELL
      >>> path = ELL(jnp.ones((3, 2)), jnp.asarray([[1, 0], [0, 2], [1, 0]]), 3, degree=jnp.asarray([1, 2, 1]))
      >>> steepest = lambda x_i, x_j, value, ij: jnp.abs(x_j - x_i)
      >>> from nitrix.semiring import TROPICAL_MAX_PLUS
      >>> semiring_ell_edge_aggregate(steepest, path, jnp.asarray([[0.0], [3.0], [4.0]]), semiring=TROPICAL_MAX_PLUS)
      Array([[3.],
             [3.],
             [1.]], dtype=float32)
    """
    x = jnp.asarray(x)
    matrix, checked = stored(ell)
    _check(ell, matrix, x)
    attributes = _attributes(matrix, edge_attr)
    columns = columns_of(NAME, ell, ell.n_cols)
    leaves, structure = jax.tree.flatten(edge_fn)
    dynamic = [leaf for leaf in leaves if isinstance(leaf, jax.Array | np.ndarray)]
    static = tuple(None if isinstance(leaf, jax.Array | np.ndarray) else leaf for leaf in leaves)
    function = _Function(structure, static)
    like, given = _message_form(edge_fn, semiring, matrix, x, attributes)
    chosen = _chosen(edge_fn, semiring, given, backend, x)
    return _aggregate(
        dynamic, matrix, columns, x, attributes, function, semiring, given, like, checked, chosen
    )


def _chosen(
    edge_fn: Any, semiring: Semiring[Any], given: Operands, backend: Backend, x: Array
) -> Implementation:
    """A kernel is there for perceptrons that are described by their weights, and for no other function."""
    described = isinstance(edge_fn, EdgeMLP)
    implementations = EDGE_AGGREGATE if described else EDGE_AGGREGATE[-1:]
    widths = edge_fn.widths if described else None
    return choose(implementations, backend, semiring, given.working, widths, function=NAME, arrays=(x,))


# Not annotated in JAX.
_convert: Callable[..., tuple[Callable[..., Array], list[Array]]] = jax.closure_convert


class _Function(NamedTuple):
    """An edge function without its arrays."""

    structure: Hashable
    static: tuple[Any, ...]

    def holding(self, dynamic: list[Array]) -> Callable[..., Any]:
        arrays = iter(dynamic)
        leaves = [next(arrays) if leaf is None else leaf for leaf in self.static]
        return jax.tree.unflatten(self.structure, leaves)


@partial(jax.jit, static_argnames=("function", "semiring", "given", "like", "checked", "chosen"))
def _aggregate(
    dynamic: list[Array],
    matrix: Stored,
    columns: Stored | None,
    x: Array,
    attributes: tuple[Array, ...] | None,
    function: _Function,
    semiring: Semiring[Any],
    given: Operands,
    like: jax.ShapeDtypeStruct,
    checked: bool,
    chosen: Implementation,
) -> Array:
    edge_fn = function.holding(dynamic)

    def one(sections: Sections, x: Array) -> Array:
        if x.shape[0] == 0 or sections.size == 0 or like.size == 0:
            return empty_sum(semiring, (x.shape[0], *like.shape), given.working)
        values = tuple(group.values for group in sections.groups)
        slots = None if columns is None else columns.sections()
        if isinstance(edge_fn, EdgeMLP):
            own, neighbours = edge_fn.vertex_parts(x)
            message, weights = _after_first(given), edge_fn
        else:
            own = neighbours = x
            message, weights = _each_edge(edge_fn, given, x, values, attributes)
        made_from = aggregate.Operands(weights, own, neighbours, values, attributes)
        if chosen.backend == "jax":
            return aggregate.aggregate(semiring, message, made_from, sections, slots, like)
        fast = edge_kernels.value(chosen.load(), semiring)
        return aggregate.aggregate(semiring, message, made_from, sections, slots, like, fast)

    out, outside = over_batch(one, matrix, x, x.shape[-2], checked)
    return given.give_back(marked(out, None if outside is None else outside[..., None]))


def _each_edge(
    edge_fn: Callable[..., Any], given: Operands, x: Array, values: tuple[Array, ...], attributes: Any
) -> tuple[Message, Any]:
    """The function over all edges of one slot, and the traced arrays that it closes over."""

    def one(x_i: Array, x_j: Array, value: Array, attribute: Any, i: Array, j: Array) -> Array:
        extra = () if attribute is None else (attribute,)
        return given.take(jnp.asarray(edge_fn(x_i, x_j, value, (i, j), *extra)))

    number = jnp.zeros((), jnp.int32)
    value = jnp.zeros((), values[0].dtype)
    attribute = None if attributes is None else jnp.zeros(attributes[0].shape[2:], attributes[0].dtype)
    converted, closed_over = _convert(one, x[0], x[0], value, attribute, number, number)

    def message(
        weights: Any, own: Array, neighbours: Array, value: Array, attribute: Any, at: Edges
    ) -> Array:
        every: Callable[..., Array] = jax.vmap(lambda *edge: converted(*edge, *weights))
        return every(own, neighbours, value, attribute, at.row, at.column)

    return message, closed_over


def _after_first(given: Operands) -> Message:
    """An EdgeMLP from the sums of its first layer on, which were made for vertices."""

    def message(weights: EdgeMLP, own: Array, neighbours: Array, value: Array, _: Any, at: Edges) -> Array:
        return given.take(weights.after_first(own + neighbours))

    return message


def _message_form(
    edge_fn: Callable[..., Any], semiring: Semiring[Any], matrix: Stored, x: Array, attributes: Any
) -> tuple[jax.ShapeDtypeStruct, Operands]:
    """Shape of one message with the dtype that it is summed in; refuses what cannot be summed."""
    vector = form(x.shape[-1:], x.dtype)
    value = form((), matrix.groups[0].values.dtype)
    number = form((), jnp.int32)
    extra = [] if attributes is None else [form(attributes[0].shape[2:], attributes[0].dtype)]
    made = jax.eval_shape(edge_fn, vector, vector, value, (number, number), *extra)
    if not isinstance(made, jax.ShapeDtypeStruct):
        raise TypeError(
            f"{NAME}: edge_fn returns {type(made).__name__}, but an array [d_out] is needed; stack what it returns."
        )
    if made.ndim != 1:
        raise ValueError(
            f"{NAME}: edge_fn returns an array of shape {made.shape}, but a vector [d_out] is needed for one edge; "
            f"reshape it."
        )
    if builtin(semiring) is BOOLEAN and made.dtype != bool:
        raise TypeError(
            f"{NAME}: edge_fn returns {made.dtype}, but the algebra 'boolean' sums boolean messages; compare, such as "
            f"message > 0."
        )
    given = operands(NAME, semiring, messages=jnp.zeros((), made.dtype))
    return form(made.shape, given.working), given


def _check(ell: Adjacency | SectionedAdjacency, matrix: Stored, x: Array) -> None:
    rows = sum(group.indices.shape[-2] for group in matrix.groups)
    if x.ndim < 2:
        raise ValueError(f"{NAME}: x has shape {x.shape}, but [n, d_in] is needed; add an axis.")
    if not rows == ell.n_cols == x.shape[-2]:
        raise ValueError(
            f"{NAME}: the adjacency has {rows} rows and {ell.n_cols} columns and x {x.shape} has {x.shape[-2]} rows, "
            f"but all three must be the number of vertices."
        )
    if any(group.indices.ndim > 2 for group in matrix.groups):
        raise ValueError(
            f"{NAME}: the indices have shape {matrix.groups[0].indices.shape}, but one graph [n, k_max] is needed; map "
            f"over graphs by jax.vmap."
        )


def _attributes(matrix: Stored, edge_attr: Any) -> tuple[Array, ...] | None:
    if edge_attr is None:
        return None
    given = edge_attr if isinstance(edge_attr, tuple) else (edge_attr,)
    arrays = tuple(jnp.asarray(attribute) for attribute in given)
    wanted = [group.indices.shape[-2:] for group in matrix.groups]
    if [array.shape[:2] for array in arrays] != wanted:
        raise ValueError(
            f"{NAME}: edge_attr has the shapes {[a.shape for a in arrays]}, but its first two axes must be those of "
            f"the adjacency's slots, {wanted}"
            + (", as a tuple of one array for each section." if len(wanted) > 1 else ".")
        )
    if len({(array.shape[2:], array.dtype) for array in arrays}) > 1:
        raise ValueError(
            f"{NAME}: the sections of edge_attr differ in shape or dtype of one slot's attribute."
        )
    return arrays
