"""Rows of `nitrix.sparse`: products, changes of a matrix, grids."""

import itertools

import jax.numpy as jnp
import numpy as np
from nitrix import semiring, sparse
from nitrix.sparse import ELL
from support import oracles
from support.ell_cases import entries_of, ragged_case, slot_values, with_slot_values

from operation_rows.row import BATCH, NO_DERIVATIVE, Row, each, normal

_BUILDS = "builds a matrix on the host, in NumPy; differentiable values come in by `replace(values=...)`"
OTHERS = {
    "sparse.ell_from_dense": _BUILDS,
    "sparse.ell_from_ragged": _BUILDS,
    "sparse.sectioned_ell_from_ragged": _BUILDS,
    "sparse.ell_pad": _BUILDS,
    "sparse.grid_identity": "builds the identity on the host; it has no operand",
    "sparse.ell_with_transpose": "lists a matrix's slots by column, on the host; values pass untouched",
    "sparse.ell_without_transpose": "drops the list of slots by column; values pass untouched",
}

CASE = ragged_case(5, 4, most=4)  # with an empty row and duplicate entries
GRID, OFFSETS = (3, 4), np.array([[0, 0], [0, 1], [-1, 0]])


def rows():
    """Each operation once, over the reals where it knows no algebra."""
    return [*_products(), *_changes(), *_edges(), *_grids()]


class _Matrix:
    """A matrix whose slots are filled from a vector, with the definition of what is filled."""

    def __init__(self, form, case=CASE):
        self.matrix = case.ell(form)
        self.size = slot_values(self.matrix).size
        numbers = np.arange(self.size, dtype=np.float32)
        found = np.array(entries_of(with_slot_values(self.matrix, numbers))).astype(int)
        self.rows, self.columns, self.slots = found.T

    def filled(self, flat):
        """The library's matrix of the values [... slots]."""
        if isinstance(self.matrix, ELL):
            return _filled(self.matrix, flat)
        sections, first = [], 0
        for section in self.matrix.sections:
            size = section.indices.size
            sections.append(_filled(section, flat[..., first : first + size]))
            first += size
        return self.matrix.replace(sections=tuple(sections))

    def dense(self, flat):
        """Duplicates add."""
        out = np.zeros(self.matrix.shape)
        np.add.at(out, (self.rows, self.columns), flat[self.slots])
        return out

    def product(self, name, flat, x, *, transposed=False):
        """(+) of value (*) x over the entries of each row, or of each column."""
        times, plus = oracles.DEFINITIONS[name]
        here, there = (self.columns, self.rows) if transposed else (self.rows, self.columns)
        if name == "boolean":
            flat, x = flat.astype(bool), x.astype(bool)
        n = self.matrix.shape[1 if transposed else 0]
        terms = [times(flat[self.slots[here == i], None], x[there[here == i]]) for i in range(n)]
        return np.stack([plus(of, 0) for of in terms])


def _filled(ell, flat):
    return ell.replace(values=flat.reshape(*flat.shape[:-1], *ell.indices.shape))


def _products():
    parts, flat = _Matrix("sectioned"), _Matrix("flat")

    def row(operation, call, name, matrix, transposed):
        algebra = oracles.ALGEBRAS[name]
        operands = normal(BATCH, matrix.size), normal(BATCH, 5 if transposed else 4, 2, seed=12)
        refusals = {}
        if name == "boolean":
            operands = tuple((x > 0.3).astype(float) for x in operands)
            refusals = {"grad": NO_DERIVATIVE, "jvp": NO_DERIVATIVE}
        return Row(
            f"sparse.{operation}",
            name,
            lambda values, x: call(matrix.filled(values), x, semiring=algebra),
            lambda values, x: matrix.product(name, values, x, transposed=transposed),
            operands,
            refusals,
            everyday=name == "real" and (matrix is flat or transposed),
        )

    return [
        *(row("apply_operator", sparse.apply_operator, name, flat, False) for name in oracles.ALGEBRAS),
        *(
            row("sectioned_semiring_ell_matmul", sparse.sectioned_semiring_ell_matmul, name, parts, False)
            for name in oracles.ALGEBRAS
        ),
        *(
            row("sectioned_semiring_ell_rmatvec", sparse.sectioned_semiring_ell_rmatvec, name, parts, True)
            for name in oracles.ALGEBRAS
        ),
    ]


def _changes():
    parts, flat, square = _Matrix("sectioned"), _Matrix("flat"), _Matrix("flat", ragged_case(4, 4, most=4))
    ell, loops = flat.matrix, square.matrix
    counted, chosen = np.asarray(ell.valid), np.array([3, 0, 1, 1])
    kept = np.array([True, False, True, True])

    def scattered(slots):
        out = np.zeros((4, 2))
        np.add.at(out, np.asarray(ell.indices)[counted], slots[counted])
        return out

    def with_loops(values, attributes):
        made, features = sparse.ell_add_self_loops(square.filled(values), attributes, self_value=2.0)
        # What pads hold is nobody's business.
        return jnp.where(made.valid[..., None], jnp.concatenate([made.values[..., None], features], -1), 0)

    def with_loops_oracle(values, attributes):
        values, out = values.reshape(loops.indices.shape), np.zeros((4, loops.k_max + 1, 3))
        for i, count in enumerate(np.asarray(loops.degree)):
            out[i, :count, 0], out[i, :count, 1:] = values[i, :count], attributes[i, :count]
            out[i, count, 0] = 2
            out[i, count, 1:] = attributes[i, :count].mean(0) if count else 0
        return out

    def row(operation, matrix, change, oracle, everyday=False):
        """Of a change whose result is looked at in dense form."""
        return Row(
            f"sparse.{operation}",
            "",
            lambda values: sparse.ell_to_dense(change(matrix.filled(values))),
            lambda values: oracle(matrix.dense(values)),
            (normal(BATCH, matrix.size),),
            everyday=everyday,
        )

    return [
        row("ell_to_dense", parts, lambda a: a, lambda dense: dense, everyday=True),
        row("ell_transpose", flat, sparse.ell_transpose, np.transpose),
        row("ell_rows", parts, lambda a: sparse.ell_rows(a, chosen), lambda dense: dense[chosen]),
        row(
            "ell_reshape", flat, lambda a: sparse.ell_reshape(a, (2, 10)), lambda dense: dense.reshape(2, 10)
        ),
        row("sectioned_ell_from_ell", flat, sparse.sectioned_ell_from_ell, lambda dense: dense),
        row("ell_from_sectioned", parts, sparse.ell_from_sectioned, lambda dense: dense),
        Row(
            "sparse.ell_broadcast",
            "",
            each(lambda values: sparse.ell_to_dense(sparse.ell_broadcast(flat.filled(values), 2)), 1),
            lambda values: np.stack([flat.dense(values)] * 2),
            (normal(BATCH, flat.size),),
            everyday=False,
        ),
        Row(
            "sparse.ell_mask",
            "tropical_max_plus",
            lambda v: sparse.ell_mask(flat.filled(v), kept, semiring=semiring.TROPICAL_MAX_PLUS).values,
            lambda v: np.where(kept[np.asarray(ell.indices)], v.reshape(ell.indices.shape), -np.inf),
            (normal(BATCH, flat.size),),
            everyday=False,
        ),
        Row(
            "sparse.ell_gather",
            "",
            lambda x: sparse.ell_gather(ell, x),
            lambda x: np.where(counted[..., None], x[np.asarray(ell.indices)], 0),
            (normal(BATCH, 4, 2),),
        ),
        Row(
            "sparse.ell_scatter",
            "",
            lambda slots: sparse.ell_scatter(ell, slots),
            scattered,
            (normal(BATCH, *ell.indices.shape, 2),),
        ),
        Row(
            "sparse.ell_add_self_loops",
            "",
            with_loops,
            with_loops_oracle,
            (normal(BATCH, square.size), normal(BATCH, *loops.indices.shape, 2, seed=12)),
            everyday=False,
        ),
    ]


def _edges():
    at, to = np.array([2, 0, 2, 1, 2]), np.array([1, 3, 0, 3, 1])

    def dense(values):
        out = np.zeros((4, 5))
        np.add.at(out, (at, to), values)
        return out

    def row(build):
        made = lambda values: build(at, to, values, shape=(4, 5), duplicates="sum")
        call = lambda values: sparse.ell_to_dense(made(values))
        return Row(f"sparse.{build.__name__}", "", call, dense, (normal(BATCH, 5),), everyday=False)

    return [row(sparse.ell_from_edges), row(sparse.sectioned_ell_from_edges)]


def _grids():
    def shifted(axis, by):
        """Who stands `by` further along an axis of a grid without edges."""
        out = np.zeros((12, 12))
        for voxel in itertools.product(*map(range, GRID)):
            to = list(voxel)
            to[axis] = (to[axis] + by) % GRID[axis]
            out[np.ravel_multi_index(voxel, GRID), np.ravel_multi_index(to, GRID)] += 1
        return out

    def stencil(weights):
        return sum(w * shifted(0, a) @ shifted(1, b) for w, (a, b) in zip(weights, OFFSETS, strict=True))

    def laplacian(spacing):
        return sum((shifted(a, 1) - 2 * np.eye(12) + shifted(a, -1)) / spacing[a] ** 2 for a in range(2))

    def bands(diagonals):
        return np.diag(diagonals[0]) + np.diag(diagonals[1, :-1], 1) + np.diag(diagonals[2, 2:], -2)

    def row(operation, build, axes, oracle, operand, everyday=False):
        call = each(lambda x: sparse.ell_to_dense(build(x)), axes)
        return Row(f"sparse.{operation}", "", call, oracle, (operand,), everyday=everyday)

    wrap, spacings = {"boundary": "wrap"}, np.abs(normal(BATCH, 2)) + 0.5
    return [
        row(
            "regular_grid_stencil",
            lambda weights: sparse.regular_grid_stencil(GRID, OFFSETS, weights, **wrap),
            1,
            stencil,
            normal(BATCH, 3),
            everyday=True,
        ),
        row(
            "grid_laplacian", lambda h: sparse.grid_laplacian(GRID, spacing=h, **wrap), 1, laplacian, spacings
        ),
        row(
            "grid_gradient",
            lambda h: sparse.grid_gradient(GRID, axis=1, spacing=h, **wrap),
            1,
            lambda h: (shifted(1, 1) - shifted(1, -1)) / (2 * h[1]),
            spacings,
        ),
        row(
            "band_matrix",
            lambda diagonals: sparse.band_matrix(5, [0, 1, -2], diagonals),
            2,
            bands,
            normal(BATCH, 3, 5),
        ),
    ]
