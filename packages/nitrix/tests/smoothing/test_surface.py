"""Smoothing along surfaces against the dense exponential, its gradients against finite differences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.special
from nitrix.smoothing import surface_gaussian, surface_gaussian_degree
from nitrix.sparse import (
    ELL,
    Mesh,
    SectionedELL,
    ell_from_dense,
    ell_to_dense,
    ell_with_transpose,
    mesh_cotangent_laplacian,
    sectioned_ell_from_ell,
    vertex_areas,
)
from support.gradients import check_gradients
from support.marks import seldom_but
from support.memory import compiled_memory, form

FWHM = 2 * np.sqrt(2 * np.log(2))
SIDE = 7


def grid_mesh(side, *, spacing=1.0, bumps=0.0, seed=0):
    """A square of `side` x `side` vertices in triangles, with its vertices moved a little."""
    y, x = (np.ravel(a) * spacing for a in np.mgrid[:side, :side])
    vertices = np.stack([x, y, 0 * x], axis=1).astype(float)
    vertices = vertices + bumps * np.random.default_rng(seed).normal(size=vertices.shape)
    at = np.arange(side * side).reshape(side, side)
    a, b, c, d = (q.ravel() for q in (at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]))
    return vertices, np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)]).astype(np.int32)


def dense_operators(vertices, faces):
    """Stiffness and lumped mass (a third of each triangle) from the definition, in float64."""
    n = len(vertices)
    stiffness, mass = np.zeros((n, n)), np.zeros(n)
    for face in faces:
        for k in range(3):
            i, j, o = np.roll(face, k)
            a, b = vertices[i] - vertices[o], vertices[j] - vertices[o]
            twice = np.linalg.norm(np.cross(a, b))
            half = a @ b / twice / 2
            stiffness[[i, j], [i, j]] += half
            stiffness[[i, j], [j, i]] -= half
            mass[i] += twice / 6
    return stiffness, mass


@functools.cache
def problem():
    """A bumpy sheet with triangles of all shapes; three maps."""
    stiffness, mass = dense_operators(*grid_mesh(SIDE, bumps=0.25))
    return stiffness, mass, np.random.default_rng(1).normal(size=(SIDE**2, 3))


def exact(sigma, x, stiffness=None, mass=None):
    if stiffness is None:
        stiffness, mass, _ = problem()
    return scipy.linalg.expm(-(sigma**2) / 2 * stiffness / mass[:, None]) @ x


def norm(x, mass):
    return np.sqrt((mass[:, None] * np.square(np.asarray(x))).sum(0))


@pytest.mark.fast
@pytest.mark.parametrize(("sigma", "tolerance"), [(0.0, 1e-6), (0.5, 1e-3), (1.5, 1e-11), (40.0, 1e-6)])
def test_within_the_tolerance_of_the_exponential(x64, sigma, tolerance):
    stiffness, mass, x = problem()
    got = surface_gaussian(x, ell_from_dense(stiffness), mass, sigma=sigma, tolerance=tolerance)
    error = norm(got - exact(sigma, x), mass) / norm(x, mass)
    assert error.max() <= tolerance + 1e-13


@pytest.mark.parametrize("sigma", seldom_but([0.5, 5.0], 5.0))
def test_float32(sigma):
    stiffness, mass, x = problem()
    operator = ell_from_dense(stiffness.astype("f4"))
    got = surface_gaussian(x.astype("f4"), operator, mass.astype("f4"), sigma=sigma)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, exact(sigma, x), 0, 5e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32", "bool"])
def test_other_dtypes(dtype):
    stiffness, mass, x = problem()
    x = jnp.asarray(4 * x).astype(dtype)
    got = surface_gaussian(x, ell_from_dense(stiffness.astype("f4")), mass.astype("f4"), sigma=1.0)
    assert got.dtype == (x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else jnp.float32)
    want = exact(1.0, np.asarray(x, np.float64))
    tolerance = {"bfloat16": 2e-2, "float16": 2e-3}.get(dtype, 2e-5)
    np.testing.assert_allclose(np.asarray(got, np.float64), want, 0, tolerance)


def test_the_degree_is_the_least_that_serves(x64):
    stiffness, mass, _ = problem()
    operator = ell_from_dense(stiffness)
    degree = surface_gaussian_degree(operator, mass, sigma=2.0)
    assert degree == surface_gaussian_degree(operator, mass, fwhm=2.0 * FWHM)
    assert 10 < surface_gaussian_degree(operator, mass, sigma=1.0) < degree < 200
    x = np.ones((SIDE**2, 1))
    surface_gaussian(x, operator, mass, sigma=2.0, degree=degree)
    with pytest.raises(ValueError, match=f"degree={degree - 1} is too small.*needs {degree}"):
        surface_gaussian(x, operator, mass, sigma=2.0, degree=degree - 1)


@pytest.mark.slow
def test_on_a_plane_it_is_the_gaussian(x64):
    vertices, faces = grid_mesh(25)
    mesh = Mesh(jnp.asarray(vertices), faces)
    impulse = np.zeros((625, 1))
    impulse[312] = 1
    got = surface_gaussian(impulse, mesh_cotangent_laplacian(mesh), vertex_areas(mesh), sigma=2.0)
    weight = np.asarray(got)[:, 0]
    offset = vertices - vertices[312]
    np.testing.assert_allclose((weight[:, None] * offset[:, :2] ** 2).sum(0), 4.0, rtol=1e-5)
    # On a square lattice the cotangent Laplacian is the five-point one, whose heat kernel is known: with
    # t = sigma^2 / 2 it is exp(-4 t) I_x(2 t) I_y(2 t), I being modified Bessel functions.
    x, y = offset[:, 0], offset[:, 1]
    np.testing.assert_allclose(weight, scipy.special.ive(x, 4.0) * scipy.special.ive(y, 4.0), 0, 1e-6)


def test_width_in_mm(x64):
    """A sheet twice as large, smoothed twice as wide, is the same."""
    vertices, faces = grid_mesh(SIDE, bumps=0.2)
    x = problem()[2]
    results = []
    for scale in (1.0, 2.0):
        mesh = Mesh(jnp.asarray(scale * vertices), faces)
        operators = mesh_cotangent_laplacian(mesh), vertex_areas(mesh)
        results.append(surface_gaussian(x, *operators, fwhm=3.0 * scale))
    np.testing.assert_allclose(results[0], results[1], 0, 1e-12)


def test_keeps_constants_and_means(x64):
    stiffness, mass, x = problem()
    smooth = functools.partial(surface_gaussian, stiffness=ell_from_dense(stiffness), mass=mass, sigma=4.0)
    # However coarse the tolerance.
    np.testing.assert_allclose(smooth(np.ones_like(x), tolerance=1e-2), 1.0, 0, 1e-12)
    np.testing.assert_allclose(mass @ np.asarray(smooth(x, tolerance=1e-2)), mass @ x, 0, 1e-11)


@pytest.mark.slow
def test_semigroup_and_adjoint(x64):
    stiffness, mass, x = problem()
    smooth = functools.partial(surface_gaussian, stiffness=ell_from_dense(stiffness), mass=mass)
    once = smooth(x, sigma=1.5, tolerance=1e-12)
    twice = smooth(once, sigma=2.0, tolerance=1e-12)
    np.testing.assert_allclose(twice, smooth(x, sigma=2.5, tolerance=1e-12), 0, 1e-11)
    y = np.random.default_rng(2).normal(size=x.shape)
    left, right = (mass[:, None] * once * y).sum(), (mass[:, None] * x * smooth(y, sigma=1.5)).sum()
    np.testing.assert_allclose(left, right, rtol=1e-6)
    # The polynomial itself, of whatever tolerance, is self-adjoint.
    one, other = (smooth(a, sigma=1.5, tolerance=0.1) for a in (x, y))
    np.testing.assert_allclose((mass[:, None] * one * y).sum(), (mass[:, None] * x * other).sum(), rtol=1e-12)


def test_batches_and_sections(x64):
    stiffness, mass, x = problem()
    flat = ell_from_dense(stiffness)
    sectioned = sectioned_ell_from_ell(flat)
    assert isinstance(sectioned, SectionedELL)
    want = exact(1.0, x)
    np.testing.assert_allclose(surface_gaussian(x, sectioned, mass, sigma=1.0), want, 0, 1e-5)
    stack = np.stack([x, 2 * x])[None]
    got = surface_gaussian(stack, flat, mass, sigma=1.0)
    assert got.shape == (1, 2, SIDE**2, 3)
    np.testing.assert_allclose(got[0, 1], 2 * want, 0, 1e-5)
    mapped = jax.vmap(lambda one: surface_gaussian(one, flat, mass, sigma=1.0))(stack[0])
    np.testing.assert_allclose(mapped, got[0], 0, 1e-12)


def test_empty_fields():
    stiffness, mass, _ = problem()
    operator = ell_from_dense(stiffness.astype("f4"))
    assert surface_gaussian(np.ones((SIDE**2, 0), "f4"), operator, mass, sigma=1.0).shape == (SIDE**2, 0)
    nothing = ELL(np.zeros((0, 2), "f4"), np.zeros((0, 2), "i4"), 0)
    assert surface_gaussian(np.ones((0, 3), "f4"), nothing, np.zeros(0, "f4"), sigma=1.0).shape == (0, 3)


def test_a_part_of_the_surface(x64):
    """Triangles of a part: as the part alone; the rest keeps its values, NaN among them."""
    vertices, faces = grid_mesh(SIDE, bumps=0.2)
    x = problem()[2].copy()
    inside = np.ones(SIDE**2, bool)
    inside[[0, 17, 24, 25]] = False
    inside[[1, SIDE]] = False  # leaves vertex SIDE + 1 in the surface, and no triangle at the corner
    x[~inside] = np.nan
    kept = faces[inside[faces].all(axis=1)]
    used = np.unique(kept)
    mesh = Mesh(jnp.asarray(vertices), kept)
    got = surface_gaussian(x, mesh_cotangent_laplacian(mesh), vertex_areas(mesh), sigma=1.5)
    numbers = np.zeros(SIDE**2, int)
    numbers[used] = np.arange(len(used))
    alone = Mesh(jnp.asarray(vertices[used]), numbers[kept].astype("i4"))
    stiffness, mass = mesh_cotangent_laplacian(alone), vertex_areas(alone)
    want = exact(1.5, x[used], np.asarray(ell_to_dense(stiffness)), np.asarray(mass))
    np.testing.assert_allclose(got[used], want, 0, 1e-5)
    outside = np.setdiff1d(np.arange(SIDE**2), used)
    np.testing.assert_array_equal(got[outside], x[outside])


@pytest.mark.fast
def test_under_jit_with_a_known_width():
    stiffness, mass, x = problem()
    operator, mass, x = ell_from_dense(stiffness.astype("f4")), mass.astype("f4"), x.astype("f4")
    smooth = functools.partial(surface_gaussian, stiffness=operator, mass=mass, fwhm=2.0)
    np.testing.assert_allclose(jax.jit(smooth)(x), smooth(x), 0, 1e-6)


def test_traced_widths_and_operators(x64):
    stiffness, mass, x = problem()
    operator = ell_from_dense(stiffness)
    degree = surface_gaussian_degree(operator, mass, sigma=2.0)
    smooth = jax.jit(functools.partial(surface_gaussian, degree=degree))
    for sigma in (0.0, 0.7, 2.0):
        np.testing.assert_allclose(smooth(x, operator, mass, sigma=sigma), exact(sigma, x), 0, 1e-5)
    for wrong in ({"sigma": 2.2}, {"sigma": -1.0}, {"sigma": np.nan}, {"sigma": 1e9}):
        assert np.isnan(smooth(x, operator, mass, **wrong)).all()
    negative = operator.replace(values=-operator.values)
    assert np.isnan(smooth(x, negative, mass, sigma=1.0)).all()
    assert np.isnan(smooth(x, operator, mass * np.where(np.arange(SIDE**2) == 3, -1.0, 1.0), sigma=1.0)).any()
    with pytest.raises(ValueError, match=r"traced.*give degree=, for instance surface_gaussian_degree"):
        jax.jit(lambda s: surface_gaussian(x, operator, mass, sigma=s))(1.0)


@functools.cache
def small():
    """A chain of four vertices, of uneven weights and areas; two maps."""
    weights = np.array([0.7, 1.1, 0.4])
    return weights, np.array([0.8, 1.2, 0.9, 1.3]), np.random.default_rng(4).normal(size=(4, 2))


def chain(weights):
    """The Laplacian of a chain in ELL form: each vertex, the one before it and the one after it."""
    before, after = jnp.pad(weights, (1, 0)), jnp.pad(weights, (0, 1))
    at = np.arange(4)
    indices = np.stack([at, np.maximum(at - 1, 0), np.minimum(at + 1, 3)], axis=1)
    return ELL(jnp.stack([before + after, -before, -after], axis=1), indices, 4)


def test_gradients(x64):
    weights, mass, x = small()

    def smooth(x, weights, mass, sigma):
        return surface_gaussian(x, chain(weights), mass, sigma=sigma, degree=30, tolerance=1e-12)

    check_gradients(smooth, x, weights, mass, np.asarray(0.8))


@pytest.mark.slow
def test_gradient_without_jit(x64):
    """The degree is chosen from the primal values."""
    weights, mass, x = small()
    operator = chain(weights)
    dense = np.asarray(ell_to_dense(operator))

    def loss(sigma):
        return jnp.sum(surface_gaussian(x, operator, mass, sigma=sigma, tolerance=1e-12) ** 2)

    # d/dsigma exp(-sigma^2 / 2 P) x = -sigma P exp(-sigma^2 / 2 P) x
    smooth = exact(1.0, x, dense, mass)
    want = -2 * np.sum(smooth * (dense / mass[:, None] @ smooth))
    np.testing.assert_allclose(jax.grad(loss)(1.0), want, rtol=1e-8)


@pytest.mark.slow
def test_gradient_in_the_vertices(x64):
    vertices = np.array([[0, 0, 0], [1.2, 0.1, 0], [0.9, 1, 0.4], [-0.1, 1.1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]], "i4")
    x = small()[2]

    def smooth(vertices):
        mesh = Mesh(vertices, faces)
        operators = mesh_cotangent_laplacian(mesh), vertex_areas(mesh)
        return surface_gaussian(x, *operators, sigma=0.8, degree=40, tolerance=1e-12)

    check_gradients(smooth, vertices, order=1)


@pytest.mark.slow
def test_memory():
    """A few fields, forward and in the gradient of the field; the square root of the degree in others."""
    n = 2000
    around = (np.arange(n)[:, None] + [0, -1, 1]) % n
    stiffness = ell_with_transpose(ELL(np.tile(np.array([2, -1, -1], "f4"), (n, 1)), around.astype("i4"), n))
    mass, x, volume = np.ones(n, "f4"), form(n, 64), 4 * n * 64

    def smooth(x, sigma):
        return surface_gaussian(x, stiffness, mass, sigma=sigma, degree=150)

    forward = compiled_memory(smooth, x, form())
    assert forward.temporaries < 8 * volume
    gradient = jax.grad(lambda x, sigma: jnp.sum(smooth(x, sigma) ** 2))
    assert compiled_memory(gradient, x, form()).temporaries < 12 * volume
    both = jax.grad(lambda x, sigma: jnp.sum(smooth(x, sigma) ** 2), (0, 1))
    assert compiled_memory(both, x, form()).temporaries < 90 * volume


_ENTRIES = np.array([[1, -1, 0], [-1, 2, -1], [0, -1, 1]], "f4")
LINE = ELL(_ENTRIES, np.tile(np.arange(3), (3, 1)), 3)
ONES = np.ones(3, "f4")


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"sigma": None}, ValueError, "give either sigma or fwhm; none"),
        ({"fwhm": 1.0}, ValueError, "give either sigma or fwhm; both"),
        ({"sigma": -1.0}, ValueError, r"sigma=-1.0 must be finite and not negative, in mm"),
        ({"sigma": np.inf}, ValueError, "sigma=inf must be finite"),
        ({"sigma": np.ones(2)}, ValueError, r"sigma has shape \(2,\); give one number"),
        ({"sigma": 1e9}, ValueError, "more than 10000 products.*slivers"),
        ({"x": np.ones(3, "f4")}, ValueError, r"x has shape \(3,\); give \[n, d\], one map as x\[:, None\]"),
        ({"x": np.ones((4, 1), "f4")}, ValueError, r"x \(4, 1\) has 4 vertices on its axis -2, .* have 3"),
        ({"x": np.ones((3, 1), "c8")}, TypeError, "x has dtype complex64; give an array of real numbers"),
        ({"stiffness": np.eye(3)}, TypeError, "stiffness is ndarray; give an ELL or a SectionedELL"),
        ({"mass": np.ones(4, "f4")}, ValueError, r"stiffness has shape \(3, 3\) and mass \(4,\)"),
        ({"mass": ONES * [1, -2, 1]}, ValueError, r"mass\[1\] is -2.0; an area is finite and not negative"),
        ({"mass": ONES * [1, np.nan, 1]}, ValueError, r"mass\[1\] is nan"),
        ({"mass": ONES * [1, 0, 1]}, ValueError, "a vertex without area has entries in stiffness"),
        ({"stiffness": LINE.replace(values=-LINE.values)}, ValueError, "stiffness is negative definite"),
        (
            {"stiffness": LINE.replace(values=LINE.values * jnp.asarray([[1.0], [1.0], [3.0]]))},
            ValueError,
            "stiffness is not symmetric.*not divided by areas",
        ),
        (
            {"stiffness": LINE.replace(values=LINE.values * jnp.nan)},
            ValueError,
            "entries that are not finite",
        ),
        ({"tolerance": 0.0}, ValueError, "tolerance=0.0 must be from 1e-12 to below 1"),
        ({"tolerance": 1.0}, ValueError, "tolerance=1.0 must be"),
        ({"degree": -1}, ValueError, "degree=-1 is too small"),
    ],
)
def test_bad_input_is_refused_in_words(change, error, words):
    given = {"x": np.ones((3, 1), "f4"), "stiffness": LINE, "mass": ONES, "sigma": 1.0, **change}
    with pytest.raises(error, match=f"surface_gaussian: .*{words}"):
        surface_gaussian(**given)
