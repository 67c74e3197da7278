"""The library against the golden corpus, cell by cell, within the tolerances of `tolerance.toml`."""

import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.semiring import conv, edge_aggregate, ell_conv, ell_products, matmul
from support.oracles import ALGEBRAS

from golden import cells, definitions, foundations, make, spaces

TOLERANCE = tomllib.loads(Path(__file__).parent.with_name("tolerance.toml").read_text())
# The implementations of each operation, and what they are asked beside the algebra and the dtype.
IMPLEMENTATIONS = {
    "semiring_matmul": (matmul.IMPLEMENTATIONS, ()),
    "semiring_ell_matmul": (ell_products.MATMUL, ()),
    "sectioned_semiring_ell_matmul": (ell_products.MATMUL, ()),
    "sectioned, listed by column": (ell_products.MATMUL, ()),
    "semiring_ell_rmatvec": (ell_products.RMATVEC, None),
    # The kernel is there for perceptrons alone.
    "semiring_ell_edge_aggregate": (edge_aggregate.EDGE_AGGREGATE[-1:], (None,)),
    "semiring_ell_conv": (ell_conv.ELL_CONV, None),
    "semiring_conv": (conv.IMPLEMENTATIONS, (64,)),  # entries
}


def working(dtype):
    """The dtype in which a call computes."""
    short = dtype in ("bfloat16", "float16")
    return np.dtype("float32" if short else dtype)


def shipping():
    """Every cell that some implementation serves, by its own account."""
    for operation, (implementations, more) in IMPLEMENTATIONS.items():
        for implementation in implementations:
            for algebra in make.MEMBERS:
                for dtype in make.dtypes_of(algebra):
                    asked = () if more is None else (ALGEBRAS[algebra], working(dtype), *more)
                    with jax.enable_x64(True):
                        reason = implementation.refuses(*asked)
                    if reason is None:
                        yield operation, algebra, implementation.backend, dtype


def everyday(operation, algebra, backend, dtype):
    """Whether a cell is worth its compilation in every run: the others differ by casts or by the path alone."""
    if operation == "semiring_matmul" and backend == "jax":
        return dtype != "float16"
    if operation not in ("semiring_matmul", "semiring_ell_matmul", "semiring_ell_rmatvec"):
        return backend == "jax" and dtype == "float32" and algebra in ("log", "tropical_max_plus")
    if backend != "jax":  # interpreted, at ten times the time
        return algebra == "tropical_max_plus" and dtype == "float32"
    return dtype in ("float32", "int32", "bool")


CELLS = list(shipping())


def marks(cell):
    found = [] if everyday(*cell) else [pytest.mark.slow]
    if cell[0] == "semiring_matmul" and cell[2:] == ("jax", "float32"):
        found.append(pytest.mark.fast)
    return found


def outside(results, tolerances):
    """What lies outside of its tolerance, with the error in units of it."""
    found = {name: cells.excess(got, wanted, **tolerances) for name, got, wanted in results}
    assert found
    return {name: value for name, value in found.items() if not value <= 1}


def test_the_corpus_holds_what_the_definitions_give():
    committed = {path.name for path in Path(__file__).parent.glob("*.npz")}
    made = make.everything()
    assert committed == set(made)
    for file, arrays in made.items():
        assert set(cells.stored(file)) == set(arrays)
        for key, values in arrays.items():
            np.testing.assert_allclose(
                cells.stored(file)[key], values, rtol=1e-12, atol=1e-12, err_msg=f"{file} {key}"
            )


def test_every_algebra_has_its_cells_and_every_cell_its_arrays_and_tolerance():
    assert set(ALGEBRAS) == set(make.MEMBERS)
    for operation, algebra, backend, dtype in CELLS:
        arrays = cells.golden(cells.file_of(operation, algebra), dtype)
        assert len(arrays["out"]) == len(make.members_of(algebra, dtype, operation))
        assert TOLERANCE[dtype][backend].keys() == {"rtol", "atol"}
    for name in ("semiring_matmul", "semiring_ell_matmul", "sectioned_semiring_ell_matmul"):
        served = {(algebra, backend) for operation, algebra, backend, _ in CELLS if operation == name}
        assert served == {(a, b) for a in ALGEBRAS for b in ("jax", "pallas-cuda", "pallas-tpu")}


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, id="-".join(cell), marks=marks(cell)) for cell in CELLS],
)
def test_product(cell):
    operation, algebra, backend, dtype = cell
    wrong = outside(cells.results(*cell), TOLERANCE[dtype][backend])
    assert wrong == {}


@pytest.mark.covering
@pytest.mark.parametrize("backend", ["jax", *cells.PLATFORMS])
@pytest.mark.parametrize("algebra", make.MEMBERS)
def test_no_terms_give_the_identity(algebra, backend):
    function = cells.call("semiring_matmul", algebra, backend)
    dtype = "bool" if algebra == "boolean" else "float32"
    with cells.pretended(backend):
        out = function(jnp.zeros((make.M, 0), dtype), jnp.zeros((0, make.N), dtype))
    assert out.dtype == dtype
    np.testing.assert_array_equal(np.float64(out), np.full((make.M, make.N), definitions.ZERO[algebra]))


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "bfloat16", pytest.param("float16", marks=pytest.mark.slow)],
)
def test_gaussian(dtype):
    assert outside(cells.gaussian_results(dtype), TOLERANCE[dtype]["jax"]) == {}


@pytest.mark.parametrize(
    "dtype",
    ["float32", *(pytest.param(d, marks=pytest.mark.slow) for d in ("float64", "bfloat16", "float16"))],
)
def test_smoothing_on_a_surface(dtype):
    assert outside(cells.surface_results(dtype), TOLERANCE[dtype]["jax"]) == {}


@pytest.mark.parametrize(
    "dtype",
    ["float32", *(pytest.param(d, marks=pytest.mark.slow) for d in ("float64", "bfloat16", "float16"))],
)
def test_filters_in_spaces_of_features(dtype):
    assert outside(cells.filter_results(dtype), TOLERANCE[dtype]["jax"]) == {}


@pytest.mark.parametrize(
    "dtype",
    [
        "float32",
        "bfloat16",
        "int32",
        *(pytest.param(d, marks=pytest.mark.slow) for d in ("float64", "float16")),
    ],
)
def test_morphology(dtype):
    assert outside(cells.morphology_results(dtype), TOLERANCE[dtype]["jax"]) == {}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distances(dtype):
    assert outside(cells.distance_results(dtype), TOLERANCE[dtype]["jax"]) == {}


@pytest.mark.fast
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("cell_results", "part"),
    [(cells.foundation_results, foundations), (cells.space_results, spaces)],
    ids=["foundations", "spaces"],
)
def test_foundations_and_spaces(cell_results, part, dtype):
    results = list(cell_results(dtype))
    of_eigensystems = lambda result: result[0] in part.EIGENSYSTEMS
    assert outside([r for r in results if not of_eigensystems(r)], TOLERANCE[dtype]["jax"]) == {}
    assert outside([r for r in results if of_eigensystems(r)], TOLERANCE[dtype]["eigensystems"]) == {}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matrices_of_a_mesh(dtype):
    assert outside(cells.mesh_results(dtype), TOLERANCE[dtype]["jax"]) == {}


def test_a_wrong_number_is_outside():
    wanted = np.array([1.0, -np.inf, np.nan])
    for wrong in (
        [1.01, -np.inf, np.nan],
        [1.0, np.inf, np.nan],
        [1.0, -np.inf, 0.0],
        [np.nan, -np.inf, np.nan],
    ):
        assert outside([("it", np.array(wrong), wanted)], {"rtol": 1e-3, "atol": 1e-3})
    assert not outside([("it", wanted, wanted)], {"rtol": 0.0, "atol": 0.0})
