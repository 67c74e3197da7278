"""The forms that a graph can have, of one matrix."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from nitrix.sparse import (
    ELL,
    SectionedELL,
    ell_from_dense,
    ell_to_dense,
    ell_with_transpose,
    sectioned_ell_from_ell,
)

from support.gradients import QUICK_COMPILE

FORMS = {
    "dense": jnp.asarray,
    "flat": ell_from_dense,
    "sectioned": lambda A: sectioned_ell_from_ell(ell_from_dense(A)),
    "listed": lambda A: ell_with_transpose(ell_from_dense(A)),
}


class Products(NamedTuple):
    """A graph by its products."""

    matrix: jax.Array
    diagonal: jax.Array
    degree: jax.Array

    @property
    def n(self):
        return self.matrix.shape[-1]

    def matmul(self, x):
        return self.matrix @ x


def products(A):
    A = jnp.asarray(A)
    return Products(A, jnp.diagonal(A), A.sum(-1))


def dense(matrix):
    """The matrix, traced or not."""
    return ell_to_dense(matrix) if isinstance(matrix, ELL | SectionedELL) else matrix


def jitted(function):
    """Compiled with little effort."""
    return jax.jit(function, compiler_options=QUICK_COMPILE)
