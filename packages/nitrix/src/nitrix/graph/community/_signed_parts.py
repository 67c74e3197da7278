"""The parts of a graph that a null model is made for: positive weights, negative weights, or both."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
from jax import Array

from nitrix.graph._products import Graph, clipped, out_degree, product
from nitrix.graph.community._clipped_product import clipped_product
from nitrix.sparse import ELL, SectionedELL

Sign = Literal["+", "-"] | None


def check_sign(graph: Graph, sign: Any, function: str) -> None:
    if sign not in ("+", "-", None):
        raise ValueError(f"{function}: sign={sign!r} is unknown; give '+', '-' or None.")
    if sign == "-" and not isinstance(graph, Array | ELL | SectionedELL):
        raise ValueError(
            f"{function}: sign='-', but A is a {type(graph).__name__}, a graph by its products, whose weights are not "
            f"negative; give an operator of the absolute values of the negative weights."
        )


class Part(NamedTuple):
    """A graph of weights that are not negative, how it counts, and its products P x with fields and P 1 with ones."""

    sign: int
    graph: Any
    times: Callable[[Array], tuple[Array, Array]]


def signed_parts(graph: Any, sign: Sign) -> list[Part]:
    """The parts that `sign` names."""
    if not isinstance(graph, Array | ELL | SectionedELL):
        return [Part(1, graph, lambda x: (graph.matmul(x), graph.degree))]
    wanted = {"+": (1,), "-": (-1,), None: (1, -1)}[sign]
    # Of a graph of negative weights B is that of their absolute values: only beside positive ones it counts negative.
    return [_part(graph, s, s if sign is None else 1) for s in wanted]


def _part(graph: Any, of: int, counts: int) -> Part:
    part = clipped(graph, of)

    def of_dense(x: Array) -> tuple[Array, Array]:
        both = clipped_product(
            graph, jnp.concatenate([x, jnp.ones((*x.shape[:-1], 1), x.dtype)], axis=-1), of
        )
        return both[..., :-1], both[..., -1]

    if isinstance(graph, Array):
        return Part(counts, part, of_dense)
    return Part(counts, part, lambda x: (product(part, x), out_degree(part)))


def total_weight(graph: Graph) -> Array:
    """The sum of all weights, 2m, [...]."""
    return out_degree(graph).sum(-1)


def over(numerator: Array, total: Array) -> Array:
    """numerator / total; 0 where the total is 0, with derivatives of 0."""
    present = total != 0
    return jnp.where(present, numerator / jnp.where(present, total, 1), 0)
