"""The parts of a graph that a null model is made for: positive weights, negative weights, or both."""

from typing import Any, Literal

import jax.numpy as jnp
from jax import Array

from nitrix.graph._products import Graph, clipped, out_degree
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


def signed_parts(graph: Any, sign: Sign) -> list[tuple[int, Any]]:
    """Graphs of weights that are not negative, each with its sign."""
    if not isinstance(graph, Array | ELL | SectionedELL):
        return [(1, graph)]
    wanted = {"+": (1,), "-": (-1,), None: (1, -1)}[sign]
    # Of a graph of negative weights B is that of their absolute values: only beside positive ones it counts negative.
    return [(s if sign is None else 1, clipped(graph, s)) for s in wanted]


def total_weight(graph: Graph) -> Array:
    """The sum of all weights, 2m, [...]."""
    return out_degree(graph).sum(-1)


def over(numerator: Array, total: Array) -> Array:
    """numerator / total; 0 where the total is 0, with derivatives of 0."""
    present = total != 0
    return jnp.where(present, numerator / jnp.where(present, total, 1), 0)
