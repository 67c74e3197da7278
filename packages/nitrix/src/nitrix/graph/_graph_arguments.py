"""Reads a graph as it is given, dense, sparse or by its products, and fields over its vertices."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix._arguments import common_dtype, real_array
from nitrix.graph._products import Graph, as_dtype
from nitrix.graph.operator import GraphOperator
from nitrix.sparse import ELL, SectionedELL


def read_graph(A: Any, function: str) -> tuple[Graph, np.dtype]:
    """The graph with floating weights of 32 bits or more, and the dtype that results are given back in."""
    if isinstance(A, ELL | SectionedELL):
        if A.n_rows != A.n_cols:
            raise ValueError(
                f"{function}: A is {A.n_rows} x {A.n_cols}; a graph has as many rows as columns."
            )
        dtype = _checked(A.dtype, function)
        return as_dtype(A, _working(dtype)), dtype
    if hasattr(A, "matmul"):
        return _operator(A, function), np.dtype(A.degree.dtype)
    matrix = real_array(A, function, "A")
    if matrix.ndim < 2 or matrix.shape[-2] != matrix.shape[-1]:
        raise ValueError(
            f"{function}: A has shape {matrix.shape}; give a square matrix [... n n] of weights."
        )
    return as_dtype(matrix, _working(matrix.dtype)), np.dtype(matrix.dtype)


def read_field(x: Any, graph: Graph, dtype: Any, function: str, name: str = "x") -> tuple[Array, np.dtype]:
    """A field [... n k] over the vertices in the dtype to compute in, and the dtype of results."""
    field = real_array(x, function, name)
    n = n_vertices(graph)
    if field.ndim < 2 or field.shape[-2] != n:
        raise ValueError(
            f"{function}: {name} has shape {field.shape}; [... {n} k] is needed, a row for each vertex of A."
        )
    if not isinstance(graph, Array | ELL | SectionedELL):
        return field.astype(dtype), np.dtype(dtype)  # an operator takes its own
    dtype = np.dtype(common_dtype(np.dtype(dtype), field.dtype))
    return field.astype(_working(dtype)), dtype


def n_vertices(graph: Graph) -> int:
    """How many vertices there are."""
    if isinstance(graph, Array):
        return int(graph.shape[-1])
    return graph.n_cols if isinstance(graph, ELL | SectionedELL) else graph.n


def _operator(A: Any, function: str) -> GraphOperator:
    for name in ("n", "degree"):
        if not hasattr(A, name):
            raise TypeError(
                f"{function}: A is a {type(A).__name__} with matmul but without {name}; a GraphOperator has n, degree "
                f"and matmul."
            )
    if jax.tree_util.all_leaves([A]):
        raise TypeError(
            f"{function}: A is a {type(A).__name__}, which JAX does not know as a pytree; make it a NamedTuple, or "
            f"register it by jax.tree_util.register_dataclass."
        )
    graph: GraphOperator = A
    if graph.degree.shape[-1:] != (graph.n,):
        raise ValueError(
            f"{function}: A has n = {graph.n} but its degree has shape {graph.degree.shape}; [... n] is needed."
        )
    return graph


def _checked(dtype: np.dtype, function: str) -> np.dtype:
    """The dtype of results for sparse weights of this one."""
    if jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"{function}: A has dtype {dtype}; weights are real numbers.")
    if jnp.issubdtype(dtype, jnp.floating):
        return dtype
    return np.dtype(jax.dtypes.canonicalize_dtype(np.float64))


def _working(dtype: Any) -> np.dtype:
    """Short floats are computed in float32."""
    return np.dtype(np.float32 if np.dtype(dtype).itemsize < 4 else dtype)
