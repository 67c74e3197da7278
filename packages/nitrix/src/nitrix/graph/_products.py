"""Products, sums and changes of a graph's weights, whatever form it has."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from nitrix.graph.operator import GraphOperator
from nitrix.sparse import ELL, SectionedELL, apply_operator, ell_gather, ell_scatter

Graph = Array | ELL | SectionedELL | GraphOperator


def product(graph: Graph, x: Array) -> Array:
    """A x for a field [... n k]; both of one dtype."""
    if isinstance(graph, Array):
        return jnp.matmul(graph, x, precision=lax.Precision.HIGHEST)
    if isinstance(graph, ELL | SectionedELL):
        return apply_operator(graph, x)
    return graph.matmul(x)


def out_degree(graph: Graph) -> Array:
    """Sums of rows, [... n]."""
    if isinstance(graph, Array):
        return graph.sum(-1)
    if isinstance(graph, ELL):
        return _counted(graph).sum(-1)
    if isinstance(graph, SectionedELL):
        return _joined(graph, [out_degree(section) for section in graph.sections])
    return graph.degree


def in_degree(graph: Graph) -> Array:
    """Sums of columns, [... n]."""
    if isinstance(graph, Array):
        return graph.sum(-2)
    if isinstance(graph, ELL):
        return ell_scatter(graph, graph.values[..., None])[..., 0]
    if isinstance(graph, SectionedELL):
        return ell_scatter(graph, [section.values[..., None] for section in graph.sections])[..., 0]
    return graph.degree


def diagonal(graph: Graph) -> Array:
    """Weights of the self-loops, [... n]."""
    if isinstance(graph, Array):
        return jnp.diagonal(graph, axis1=-2, axis2=-1)
    if isinstance(graph, ELL | SectionedELL):
        return out_degree(_changed(graph, lambda w, rows, ell: jnp.where(ell.indices == rows, w, 0)))
    loops = _loops(graph)
    return jnp.zeros_like(graph.degree) if loops is None else loops


def without_loops(graph: Graph) -> Graph:
    """The graph without self-loops, whose weights are not read (those of a `GraphOperator` are subtracted)."""
    if isinstance(graph, Array):
        return jnp.where(jnp.eye(graph.shape[-1], dtype=bool), 0, graph)
    if isinstance(graph, ELL | SectionedELL):
        return _changed(graph, lambda w, rows, ell: jnp.where(ell.indices == rows, 0, w))
    loops = _loops(graph)
    return graph if loops is None else _WithoutLoops(graph, loops)


def scaled(graph: Graph, left: Array, right: Array | None = None) -> Graph:
    """The graph of the weights left[i] A[i, j] right[j]."""
    if isinstance(graph, Array):
        rows = left[..., :, None] * graph
        return rows if right is None else rows * right[..., None, :]
    if not isinstance(graph, ELL | SectionedELL):
        return _Scaled(graph, left, right)

    def change(w: Array, rows: Array, ell: ELL) -> Array:
        w = left[..., rows] * w
        if right is None:
            return w
        across: Any = ell_gather(ell, right[..., None])
        return w * across[..., 0]

    return _changed(graph, change)


def as_dtype(graph: Any, dtype: Any) -> Any:
    """The graph with weights of a dtype; a `GraphOperator` has its own."""
    if isinstance(graph, Array):
        return graph.astype(dtype)
    if isinstance(graph, ELL | SectionedELL):
        return graph if graph.dtype == dtype else _changed(graph, lambda w, *_: w.astype(dtype))
    return graph


def clipped(graph: Any, sign: int) -> Any:
    """The graph of max(sign * weight, 0)."""
    if isinstance(graph, Array):
        return jnp.maximum(sign * graph, 0)
    return _changed(graph, lambda w, *_: jnp.maximum(sign * w, 0))


class _WithoutLoops(NamedTuple):
    """An operator less its self-loops."""

    operator: Any
    loops: Array

    @property
    def n(self) -> int:
        return int(self.operator.n)

    @property
    def degree(self) -> Array:
        return self.operator.degree - self.loops

    def matmul(self, x: Array) -> Array:
        return self.operator.matmul(x) - self.loops[..., None] * x


class _Scaled(NamedTuple):
    """An operator with scaled rows and columns."""

    operator: Any
    left: Array
    right: Array | None

    @property
    def n(self) -> int:
        return int(self.operator.n)

    @property
    def degree(self) -> Array:
        return self.matmul(jnp.ones((*self.left.shape, 1), self.left.dtype))[..., 0]

    def matmul(self, x: Array) -> Array:
        inner = x if self.right is None else self.right[..., None] * x
        return self.left[..., None] * self.operator.matmul(inner)


def _changed(graph: ELL | SectionedELL, change: Callable[[Array, Array, ELL], Array]) -> Any:
    """The same places with the weights change(weights [... m k_max], row numbers [m, 1], rows of slots)."""
    if isinstance(graph, ELL):
        rows = jnp.arange(graph.n_rows, dtype=graph.indices.dtype)[:, None]
        return graph.replace(values=change(graph.values, rows, graph))
    sections = tuple(
        section.replace(values=change(section.values, rows[:, None].astype(section.indices.dtype), section))
        for section, rows in zip(graph.sections, graph.row_groups, strict=True)
    )
    return graph.replace(sections=sections)


def _counted(ell: ELL) -> Array:
    return ell.values if ell.degree is None else jnp.where(ell.valid, ell.values, 0)


def _joined(graph: SectionedELL, parts: Sequence[Array]) -> Array:
    """Numbers of the rows of each section -> of all rows."""
    batch = jnp.broadcast_shapes(*(part.shape[:-1] for part in parts))
    every = jnp.concatenate([jnp.broadcast_to(part, (*batch, part.shape[-1])) for part in parts], -1)
    return every[..., graph.order]


def _loops(operator: GraphOperator) -> Array | None:
    loops: Array | None = getattr(operator, "diagonal", None)
    return loops
