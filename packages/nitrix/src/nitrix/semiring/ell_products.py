"""Products of sparse matrices, flat or in sections, compiled: what `semiring_ell_matmul` and the containers share."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from nitrix.backend import Backend, Implementation, choose
from nitrix.semiring import ell_kernels, kernels
from nitrix.semiring._plain import ell, ell_gathered, ell_transposed
from nitrix.semiring._plain.ell import Slots
from nitrix.semiring._plain.ell_gathered import Sections
from nitrix.semiring.adjacency import Adjacency, SectionedAdjacency
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import BOOLEAN, builtin
from nitrix.semiring.operands import Operands, empty_sum, operands
from nitrix.semiring.stored import Stored, columns_from, full_slots, marked, over_batch, stored

MATMUL = (
    Implementation("pallas-cuda", "nitrix._kernels.cuda.ell_matmul", kernels.cuda_refuses),
    Implementation("pallas-tpu", "nitrix._kernels.tpu.ell_matmul", kernels.tpu_refuses),
    Implementation("jax", "nitrix.semiring._plain.ell", lambda semiring, dtype: None),
)
RMATVEC = (Implementation("jax", "nitrix.semiring._plain.ell_transposed", lambda: None),)


def matmul(
    function: str,
    adjacency: Adjacency | SectionedAdjacency,
    B: Array,
    *,
    semiring: Semiring[Any],
    backend: Backend,
    checked: bool | None = None,
    dense: str = "B",
) -> Array:
    """The product of an adjacency and B [... n c]; `checked` overrides what a container says of its indices."""
    matrix, known = stored(adjacency)
    values = matrix.groups[0].values
    given = operands(function, semiring, values=values, **{dense: B})
    columns = columns_of(function, adjacency, B.shape[-2])
    chosen = choose(MATMUL, backend, semiring, given.working, function=function, arrays=(values, B))
    full = full_slots(adjacency) if chosen.backend == "jax" else ()
    return _matmul(matrix, columns, B, semiring, given, known if checked is None else checked, full, chosen)


def rmatvec(
    function: str,
    adjacency: Adjacency | SectionedAdjacency,
    X: Array,
    *,
    semiring: Semiring[Any],
    backend: Backend,
    checked: bool | None = None,
) -> Array:
    """The transposed product of an adjacency and X [... m c]."""
    if builtin(semiring) is None:
        raise TypeError(
            f"{function}: the algebra {semiring.name!r} is not built in, and its sums cannot be scattered; transpose "
            f"the sparse matrix and call semiring_ell_matmul."
        )
    matrix, known = stored(adjacency)
    values = matrix.groups[0].values
    given = operands(function, semiring, values=values, X=X)
    columns = columns_of(function, adjacency, adjacency.n_cols)
    choose(RMATVEC, backend, function=function, arrays=(values, X))
    return _rmatvec(
        matrix, columns, X, semiring, given, adjacency.n_cols, known if checked is None else checked
    )


def columns_of(function: str, adjacency: Adjacency | SectionedAdjacency, n: int) -> Stored | None:
    """The transposed slots of an adjacency, if it carries them."""
    if adjacency.transposed is None:
        return None
    batched = jnp.ndim(getattr(adjacency, "indices", 0)) > 2
    return columns_from(function, adjacency.transposed, n, batched=batched)


@partial(jax.jit, static_argnames=("semiring", "given", "checked", "full", "chosen"))
def _matmul(
    matrix: Stored,
    columns: Stored | None,
    B: Array,
    semiring: Semiring[Any],
    given: Operands,
    checked: bool,
    full: tuple[int, ...],
    chosen: Implementation,
) -> Array:
    def flat(group: Slots, B: Array) -> Array:
        if 0 in (*group.indices.shape, *B.shape):
            return empty_sum(semiring, (group.indices.shape[0], B.shape[1]), given.working)
        return ell.product(semiring, group, B)

    def one(matrix: Sections, B: Array) -> Array:
        if B.size == 0 or matrix.size == 0:
            return matrix.joined([flat(group, B) for group in matrix.groups])
        if chosen.backend != "jax":
            slots = None if columns is None else columns.sections()
            return ell_kernels.product(chosen.load(), semiring)(matrix, slots, B)
        if columns is None or not _gathers(semiring):
            return matrix.joined([flat(group, B) for group in matrix.groups])
        return ell_gathered.product(semiring, matrix, columns.sections(), B)

    out, outside = over_batch(one, _taken(matrix, given), given.take(B), B.shape[-2], checked, full)
    return given.give_back(marked(out, None if outside is None else outside[..., None]))


@partial(jax.jit, static_argnames=("semiring", "given", "n_cols", "checked"))
def _rmatvec(
    matrix: Stored,
    columns: Stored | None,
    X: Array,
    semiring: Semiring[Any],
    given: Operands,
    n_cols: int,
    checked: bool,
) -> Array:
    def one(matrix: Sections, X: Array) -> Array:
        if 0 in (matrix.size, X.size, n_cols):
            return empty_sum(semiring, (n_cols, X.shape[1]), given.working)
        if columns is None or not _gathers(semiring):
            return ell_transposed.product(semiring, matrix, X, n_cols)
        return ell_gathered.transposed_product(semiring, matrix, columns.sections(), X)

    out, outside = over_batch(one, _taken(matrix, given), given.take(X), n_cols, checked)
    return given.give_back(marked(out, None if outside is None else outside.any(-1)[..., None, None]))


def _taken(matrix: Stored, given: Operands) -> Stored:
    return matrix._replace(groups=tuple(g._replace(values=given.take(g.values)) for g in matrix.groups))


def _gathers(semiring: Semiring[Any]) -> bool:
    """Whether the transposed slots serve this algebra's derivative."""
    return builtin(semiring) not in (None, BOOLEAN)
