"""What a row of the operation table is, and what several rows share."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

BATCH = 8  # devices that the batch is sharded over


class Refusal(NamedTuple):
    why: str
    error: type[Exception]
    match: str  # in the error's message


class Row(NamedTuple):
    operation: str  # public name, without the package's
    variant: str  # an algebra, where it matters
    call: Callable  # (*operands) -> array
    oracle: Callable  # the same in NumPy float64
    operands: tuple[np.ndarray, ...]  # each with a leading axis of BATCH
    refusals: dict[str, Refusal] = {}  # noqa: RUF012
    everyday: bool = True  # else only `make test-all` runs it

    @property
    def name(self):
        return f"{self.operation} {self.variant}".strip()


NO_FORWARD_MODE = Refusal(
    "JAX refuses forward mode through a `custom_vjp`; forward over reverse is served.",
    TypeError,
    "custom_vjp",
)
NO_DERIVATIVE = Refusal(
    "Truth values have no derivative; a floating operand raises a TypeError.", TypeError, "not differentiable"
)


def normal(*shape, seed=11):
    """Random operands that every dtype holds exactly."""
    return np.random.default_rng(seed).normal(size=shape).astype("bfloat16").astype(float)


def each(function, axes):
    """The function of operands whose first one has so many axes, mapped over one more where there is one."""

    def call(*operands):
        return (jax.vmap(function) if operands[0].ndim > axes else function)(*operands)

    return call
