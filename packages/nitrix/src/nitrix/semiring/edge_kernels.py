"""Aggregation of a perceptron's messages by a platform's kernel, section by section."""

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import jax.numpy as jnp
from jax import Array

from nitrix.semiring import kernels
from nitrix.semiring._plain.aggregate import Operands
from nitrix.semiring._plain.ell_gathered import Sections
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.operands import empty_sum


@cache
def value(kernel: ModuleType, semiring: Semiring[Any]) -> Callable[[Operands, Sections], Array]:
    """The sums of an EdgeMLP's messages, whose first layer was worked out for vertices."""
    fold, outputs = kernels.messages_of(semiring)

    def aggregated(given: Operands, matrix: Sections) -> Array:
        mlp, neighbours = given.weights, given.neighbours
        parts = []
        for group, own in zip(matrix.groups, matrix.parted(given.own)):
            if group.indices.size == 0:
                parts.append(empty_sum(semiring, (own.shape[0], mlp.widths[-1]), own.dtype))
                continue
            # An index out of range marks a slot that does not count.
            indices = group.indices if group.valid is None else jnp.where(group.valid, group.indices, -1)
            (out,) = kernel.fold(
                own,
                neighbours,
                mlp.layers,
                indices.astype(jnp.int32),
                None,
                fold,
                mlp.activation,
                final_activation=mlp.activate_last,
                dtypes=outputs(own.dtype),
            )
            parts.append(out)
        return matrix.joined(parts)

    return aggregated
