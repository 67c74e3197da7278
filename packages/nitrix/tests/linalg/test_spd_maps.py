"""Functions of symmetric matrices: values against SciPy, derivatives at ties against mpmath, bad input in words."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from nitrix.linalg import symexp, symlog, symmap, sympower, symsqrt
from support.gradients import QUICK_COMPILE, check_gradients
from support.spd import matrices, spectral

FUNCTIONS = {  # ours, the scalar function, SciPy's
    "symexp": (symexp, np.exp, scipy.linalg.expm),
    "symlog": (symlog, np.log, scipy.linalg.logm),
    "symsqrt": (symsqrt, np.sqrt, scipy.linalg.sqrtm),
    "inverse symsqrt": (
        lambda x: symsqrt(x, inverse=True),
        lambda l: l**-0.5,
        lambda x: np.linalg.inv(scipy.linalg.sqrtm(x)),
    ),
    "sympower": (
        lambda x: sympower(x, power=0.3),
        lambda l: l**0.3,
        lambda x: scipy.linalg.fractional_matrix_power(x, 0.3),
    ),
    "symmap": (lambda x: symmap(x, fn=jnp.sin), np.sin, scipy.linalg.sinm),
}
each = pytest.mark.parametrize("name", FUNCTIONS)


@each
@pytest.mark.fast
def test_values_are_those_of_scipy(x64, name):
    ours, _, scipys = FUNCTIONS[name]
    x = matrices(2, 3, 5)
    got = ours(x)
    assert got.dtype == "float64"
    assert got.shape == x.shape
    wanted = np.array([[scipys(one) for one in row] for row in x])
    np.testing.assert_allclose(got, wanted, atol=1e-12)
    np.testing.assert_array_equal(got, np.swapaxes(got, -2, -1))


@pytest.mark.parametrize("driver", ["eigh", "newton_schulz"])
@pytest.mark.parametrize("inverse", [False, True])
def test_drivers_agree_in_float32(driver, inverse):
    x = matrices(4, 6, condition=100.0)
    got = jax.jit(lambda x: symsqrt(x, inverse=inverse, driver=driver))(np.float32(x))
    wanted = [spectral(one, lambda l: l ** (-0.5 if inverse else 0.5)) for one in x]
    np.testing.assert_allclose(got, wanted, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize(
    "call",
    [
        symlog,
        lambda x: symsqrt(x, driver="newton_schulz"),
        lambda x: symsqrt(x, inverse=True, driver="newton_schulz"),
    ],
)
def test_singular_float32_input_gives_finite_values_and_gradients(call):
    x = np.float32(matrices(20, 10, condition=1e9, seed=3))
    value, gradient = jax.jit(jax.value_and_grad(lambda x: jnp.sum(call(x))))(x)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


# Derivatives at ties: eigenvalues all equal, in pairs, nearly equal, and apart.
TIES = [[1.0, 1, 1], [1, 1, 2], [2, 2, 2], [1, 1 + 1e-10, 1 + 1e-5], [0.3, 1, 4]]


def derivatives_from_blocks(function, x, e):
    """The first and second derivative along e, from the corners of f of [[x, e, 0], [0, x, e], [0, 0, x]]."""
    mp = pytest.importorskip("mpmath")
    d = len(x)
    zero = np.zeros((d, d))
    with mp.workdps(40):
        block = np.block([[x, e, zero], [zero, x, e], [zero, zero, x]])
        out = np.array(function(mp, mp.matrix(block.tolist())).tolist())
    corner = lambda i: np.array(out[:d, i * d : (i + 1) * d], float)
    return corner(1), 2 * corner(2)


BLOCKS = {
    "symexp": lambda mp, x: mp.expm(x),
    "symlog": lambda mp, x: mp.logm(x),
    "symsqrt": lambda mp, x: mp.sqrtm(x),
    "inverse symsqrt": lambda mp, x: mp.inverse(mp.sqrtm(x)),
    "sympower": lambda mp, x: mp.powm(x, mp.mpf(0.3)),
    "symmap": lambda mp, x: mp.sinm(x),
}


def spectra_with_ties():
    vectors = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    x = np.array([(vectors * np.array(l)) @ vectors.T for l in TIES])
    x[0] = np.eye(3)
    x[1] = np.diag(TIES[1])
    return (x + np.swapaxes(x, 1, 2)) / 2


def along(name, order):
    """Derivatives of <g, f(x)> along e, by every composition of the modes."""
    ours = FUNCTIONS[name][0]
    loss = lambda x, g: jnp.vdot(g, ours(x))
    gradient = jax.grad(loss)

    def first(x, e, g):
        return {"forward": jax.jvp(ours, (x,), (e,))[1], "reverse": jnp.vdot(gradient(x, g), e)}

    def second(x, e, g):
        slope = lambda x: jax.jvp(ours, (x,), (e,))[1]
        return {
            "forward": jax.jvp(slope, (x,), (e,))[1],
            "forward over reverse": jnp.vdot(jax.jvp(lambda x: gradient(x, g), (x,), (e,))[1], e),
            "reverse over reverse": jnp.vdot(jax.grad(lambda x: jnp.vdot(gradient(x, g), e))(x), e),
        }

    mapped = jax.vmap(first if order == 1 else second, in_axes=(0, None, None))
    return jax.jit(mapped, compiler_options=QUICK_COMPILE)


@functools.cache
def wanted_along(name):
    e, _ = directions()
    return np.array([derivatives_from_blocks(BLOCKS[name], one, e) for one in spectra_with_ties()])


def directions():
    return tuple(y + y.T for y in np.random.default_rng(2).normal(size=(2, 3, 3)))


EVERYDAY = [("symlog", 1), ("symlog", 2), ("symmap", 1)]


@pytest.mark.parametrize(
    ("name", "order"),
    [
        c if c in EVERYDAY else pytest.param(*c, marks=pytest.mark.slow)
        for c in itertools.product(FUNCTIONS, (1, 2))
    ],
)
def test_derivatives_are_right_at_equal_and_nearly_equal_eigenvalues(x64, name, order):
    e, g = directions()
    wanted = wanted_along(name)[:, order - 1]
    for mode, got in along(name, order)(spectra_with_ties(), e, g).items():
        expected = wanted if mode == "forward" else np.einsum("nij,ij->n", wanted, g)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max(), err_msg=mode)


@pytest.mark.parametrize("name", ["symexp", "symlog", "symsqrt"])
def test_gradient_of_the_identity_and_of_its_multiples_is_finite_in_float32(name):
    # Differentiating the eigenvectors gave NaN at exactly repeated eigenvalues.
    x = np.float32([np.eye(3), np.diag([1, 1, 2]), 4 * np.eye(3)])
    ours, function, _ = FUNCTIONS[name]
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(jnp.trace(ours(x), axis1=1, axis2=2))))(x)
    slope = {"symexp": np.exp, "symlog": lambda l: 1 / l, "symsqrt": lambda l: 0.5 / np.sqrt(l)}[name]
    np.testing.assert_allclose(
        gradient, [spectral(one, slope) for one in x.astype(float)], rtol=1e-6, atol=1e-6
    )


@pytest.mark.slow
def test_second_derivatives_across_the_floor(x64):
    # A number as the floor, so that finite differences see the same constant.
    x = spectral(matrices(4), lambda l: np.array([1e-4, 0.2, 0.3, 2.0]))
    check_gradients(lambda x: symlog(x, eigvalue_clip=0.25), x)


def test_gradient_of_the_root_of_a_singular_matrix_is_finite_and_0_under_the_floor(x64):
    # The root's slope at 0 is infinite: 0 times infinity was NaN.
    x = jnp.diag(jnp.asarray([0.0, 0.0, 1.0]))
    gradient = jax.jit(jax.grad(lambda x: jnp.trace(symsqrt(x))))(x)
    np.testing.assert_allclose(gradient, np.diag([0.0, 0.0, 0.5]), atol=1e-12)
    zero = jax.grad(lambda x: jnp.trace(symsqrt(x)))(jnp.zeros((3, 3)))
    np.testing.assert_array_equal(zero, np.zeros((3, 3)))


def test_third_derivatives_are_refused_in_words(x64):
    twice = lambda x: jax.jvp(lambda x: jax.jvp(symlog, (x,), (x,))[1], (x,), (x,))[1]
    third = jax.grad(lambda x: jnp.sum(twice(x)))
    with pytest.raises(NotImplementedError, match="to the second order; a third one was asked for"):
        third(jnp.eye(2))


def test_logarithm_of_a_singular_matrix_is_finite_and_that_of_its_floor(x64):
    # A true zero came out as minus infinity, or as the logarithm of a rounding error of either sign.
    x = np.diag([0.0, 1.0, 2.0])
    floor = 2.0 * 3 * np.finfo(float).eps
    np.testing.assert_allclose(symlog(x), np.diag(np.log([floor, 1.0, 2.0])), atol=1e-12)
    np.testing.assert_allclose(symlog(x, eigvalue_clip=0.5), np.diag(np.log([0.5, 1.0, 2.0])), atol=1e-12)
    assert not np.isfinite(symlog(x, eigvalue_clip="none")).all()
    assert np.isfinite(symlog(np.zeros((3, 3)))).all()


def test_indefinite_matrices_need_no_clipping(x64):
    x = np.diag([-2.0, 0.5])
    np.testing.assert_allclose(symmap(x, fn=jnp.sin, eigvalue_clip="none"), np.diag(np.sin([-2.0, 0.5])))
    np.testing.assert_allclose(sympower(x, power=2, eigvalue_clip="none"), np.diag([4.0, 0.25]))
    np.testing.assert_allclose(symexp(x), np.diag(np.exp([-2.0, 0.5])))


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 0), (1, 1), (3, 1, 4, 4)])
def test_empty_and_single_axes_keep_their_shape(shape):
    # Singleton axes were squeezed away, and then mixed with the batch.
    x = np.broadcast_to(np.eye(shape[-1], dtype=np.float32), shape)
    np.testing.assert_allclose(symexp(x), np.float32(np.e) * x, rtol=1e-6)
    assert symlog(x).shape == shape


def test_dtypes():
    x = matrices(3)
    for dtype in ("bfloat16", "float16"):
        got = symlog(jnp.asarray(x, dtype))
        assert got.dtype == dtype
        wide = symlog(jnp.asarray(x, dtype).astype("float32"))
        np.testing.assert_array_equal(got, wide.astype(dtype))
    counts = np.array([[2**40, 0], [0, 4]])
    np.testing.assert_allclose(symsqrt(counts), [[2.0**20, 0], [0, 0]], atol=1024)  # 4 is under the floor
    assert symlog(np.eye(2, dtype=int)).dtype == "float32"


def test_the_symmetric_part_is_read(x64):
    x = matrices(3)
    skew = np.array([[0, 1, 2], [-1, 0, 3], [-2, -3, 0.0]])
    np.testing.assert_allclose(symlog(x + skew), symlog(x), atol=1e-14)


def test_one_bad_matrix_leaves_the_others_alone():
    x = np.float32(matrices(3, 4, 4)[:, 0])
    x[1] = np.nan
    got = np.asarray(symlog(x))
    assert np.isnan(got[1]).all()
    np.testing.assert_allclose(got[2], symlog(x[2]), rtol=1e-5, atol=1e-6)


def test_reconditioning_needs_a_key_and_only_adds_to_the_diagonal():
    x = np.zeros((2, 3, 3), np.float32)
    key = jax.random.key(0)
    lifted = np.asarray(symmap(x, fn=lambda l: l, psi=0.5, key=key, eigvalue_clip="none"))
    diagonal = np.diagonal(lifted, axis1=1, axis2=2)
    assert ((diagonal > 0) & (diagonal < 0.5)).all()
    assert len(np.unique(diagonal.round(6))) == 6
    with pytest.raises(ValueError, match=r"symlog: psi=0\.5 draws random numbers; give key=jax\.random\.key"):
        symlog(x, psi=0.5)
    with pytest.raises(ValueError, match=r"symlog: psi=-1\.0 must be finite and not negative"):
        symlog(x, psi=-1.0, key=key)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: symlog(np.ones((2, 3))), ValueError, r"input has shape \(2, 3\); give square matrices"),
        (lambda: symlog(np.ones(3)), ValueError, r"input has shape \(3,\); give square"),
        (lambda: symexp(np.eye(2) * 1j), TypeError, "symexp: input has dtype complex.*give real numbers"),
        (
            lambda: symlog(np.eye(2), eigvalue_clip="floor"),
            ValueError,
            "'floor' is unknown; give 'auto', 'none'",
        ),
        (
            lambda: symlog(np.eye(2), eigvalue_clip=float("nan")),
            ValueError,
            "eigvalue_clip=nan must be a number",
        ),
        (lambda: symsqrt(np.eye(2), driver="svd"), ValueError, "driver='svd' is unknown; give 'eigh' or"),
        (
            lambda: symsqrt(np.eye(2), driver="newton_schulz", eigvalue_clip=0.1),
            ValueError,
            r"cannot clip at eigvalue_clip=0\.1; give driver='eigh'",
        ),
        (lambda: sympower(np.eye(2), power=float("inf")), ValueError, "power=inf must be finite"),
    ],
)
def test_bad_input_is_refused_in_words(unchecked, call, error, words):
    with pytest.raises(error, match=words):
        call()
