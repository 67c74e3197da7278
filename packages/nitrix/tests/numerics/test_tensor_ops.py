"""Tools for axes, masks, complex numbers and layouts, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.numerics import tensor_ops as ops
from support.gradients import check_gradients
from support.marks import seldom_but

X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
same = np.testing.assert_array_equal


@pytest.mark.fast
def test_numbers_of_axes():
    assert [ops.standard_axis_number(a, 3) for a in (-4, -3, -1, 0, 2, 3)] == [None, 0, 2, 0, 2, None]
    assert [ops.negative_axis_number(a, 3) for a in (-4, -3, -1, 0, 2, 3)] == [None, -3, -1, -3, -1, None]
    assert (ops.standard_axis_number_strict(-1, 3), ops.negative_axis_number_strict(0, 3)) == (2, -3)
    assert ops.axis_complement(4, (-1, 0)) == (1, 2)
    assert ops.axis_complement(3, 1) == (0, 2)


def test_promoting_and_demoting_axes_are_inverse():
    for axes in (2, (3, 0), (1, -1, 0)):
        forth, back = ops.promote_axis(4, axes), ops.demote_axis(4, axes)
        x = np.zeros((2, 3, 4, 5))
        first = x.transpose(forth)
        assert first.shape[0] == x.shape[axes if isinstance(axes, int) else axes[0]]
        assert first.transpose(back).shape == x.shape
        assert tuple(np.asarray(forth)[list(back)]) == (0, 1, 2, 3)


@pytest.mark.fast
def test_atleast_4d_returns_all_its_arguments():
    one, two, three = ops.atleast_4d(np.ones(3), np.ones((2, 2)), np.ones((1, 2, 3, 4, 5)))
    assert (one.shape, two.shape, three.shape) == ((1, 1, 1, 3), (1, 1, 2, 2), (1, 2, 3, 4, 5))
    assert ops.atleast_4d(np.float32(1)).shape == (1, 1, 1, 1)
    assert ops.promote_to_rank(X, 2).shape == X.shape


@pytest.mark.fast
@pytest.mark.parametrize("axis", seldom_but([0, 1, 2, -1, -2, -3], 0, 1, -1))
def test_conform_mask_is_right_for_every_axis(axis):
    mask = np.arange(X.shape[axis]) % 2 == 0
    wanted = np.moveaxis(np.broadcast_to(mask, (*np.delete(X.shape, axis), len(mask))), -1, axis)
    got = ops.conform_mask(X, mask, axis)
    same(got, wanted)
    same(ops.conform_mask(X, mask, (axis,)), wanted)
    same(ops.mask_tensor(X, mask, axis, -1), np.where(wanted, X, -1))


def test_conform_mask_follows_the_order_of_the_axes():
    mask = np.random.default_rng(1).random((4, 2)) < 0.5
    same(ops.conform_mask(X, mask, (2, 0)), np.broadcast_to(mask.T[:, None, :], X.shape))
    same(ops.conform_mask(X, mask.T, (0, 2)), np.broadcast_to(mask.T[:, None, :], X.shape))


def test_mask_tensor_never_reads_what_it_replaces():
    x = jnp.asarray([1.0, jnp.nan])
    mask = jnp.asarray([True, False])
    masked = jax.jit(lambda x, mask: ops.mask_tensor(x, mask, 0))
    same(masked(x, mask), [1, 0])
    same(jax.grad(lambda x: (masked(x, mask) ** 2).sum())(x), [2, 0])


def test_fills_of_a_higher_kind_promote():
    mask = np.array([True, False])
    assert ops.mask_tensor(np.array([1, 2]), mask, 0).dtype == np.int32
    assert np.isnan(ops.mask_tensor(np.array([1, 2]), mask, 0, np.nan)[1])
    same(ops.mask_tensor(np.ones((2, 2)), mask, 0, np.array([5.0, 6.0])), [[1, 1], [5, 6]])
    assert ops.extend_to_size(np.array([1, 2]), (3,)).dtype == np.float32
    assert ops.extend_to_size(np.array([1, 2]), (3,), 7).tolist() == [1, 2, 7]
    assert ops.extend_to_size(jnp.ones(2, "bfloat16"), (3,)).dtype == jnp.bfloat16


@pytest.mark.parametrize("axis", seldom_but([0, 1, -1], 0))
def test_apply_mask_selects(axis):
    mask = np.arange(X.shape[axis]) % 2 == 0
    same(ops.apply_mask(X, mask, axis), np.compress(mask, X, axis))
    known = jnp.asarray(mask)
    same(jax.jit(lambda x: ops.apply_mask(x, known, axis))(X), np.compress(mask, X, axis))


@pytest.mark.fast
def test_masker_extracts_under_jit():
    mask = np.random.default_rng(1).random((4, 2)) < 0.5
    wanted = X.transpose(2, 0, 1)[mask]  # [entries, 3]
    same(jax.jit(ops.masker(mask, (2, 0)))(X), wanted)
    same(ops.masker(mask, (-1, 0), output_axis=-1)(X), wanted.T)
    row = np.array([True, False, True])
    same(ops.masker(row, 1)(X), X[:, row])
    same(jax.grad(lambda x: ops.masker(row, 1)(x).sum())(X)[:, :, 0], [[1, 0, 1]] * 2)


def test_folds_come_back():
    same(ops.fold_axis(X, 2, 2), X.reshape(2, 3, 2, 2))
    same(ops.unfold_axes(X, (0, 1)), X.reshape(6, 4))
    same(ops.unfold_axes(X, 1), X)
    for axis, folds in ((0, 2), (1, 3), (2, 2)):
        folded = ops.fold_and_promote(X, axis, folds)
        assert folded.shape[0] == folds
        same(folded[1], np.take(X, range(1, X.shape[axis], folds), axis))
        same(ops.demote_and_unfold(folded, axis + 1), X)
    same(ops.fold_and_promote(X, -1, 2), ops.fold_and_promote(X, 2, 2))
    same(ops.demote_and_unfold(X, 0), X)
    same(ops.demote_and_unfold(X, 2, (0, 1)), np.moveaxis(X, 0, 2).reshape(12, 2))


@pytest.mark.slow
def test_broadcast_ignoring_an_axis():
    x, y = ops.broadcast_ignoring(np.ones((4, 1, 2)), np.ones((3, 5)), -1)
    assert (x.shape, y.shape) == ((4, 3, 2), (4, 3, 5))
    x, y = ops.broadcast_ignoring(np.ones((1, 3)), np.ones((0, 3)), 1)
    assert x.shape == y.shape == (0, 3)
    assert jnp.concatenate(ops.broadcast_ignoring(X, np.ones((5, 1), np.float32), -2), -2).shape == (2, 8, 4)


def test_orient_and_conform():
    v = np.arange(6).reshape(2, 3)
    same(ops.orient_and_conform(v, (2, 0), dim=4)[:, 0, :, 0], v.T)
    assert ops.orient_and_conform(v[0], -2, reference=np.ones((4, 3, 5))).shape == (1, 3, 1)


@pytest.mark.slow
def test_extending_to_the_largest():
    a, b = ops.extend_to_max_size([np.ones((2, 1)), np.ones((1, 3))], 0)
    same(a, [[1, 0, 0], [1, 0, 0]])
    same(b, [[1, 1, 1], [0, 0, 0]])
    assert ops.extend_to_max_size([]) == ()


Z = np.array([3 + 4j, -2, 1j, -1j, 0])


@pytest.mark.fast
def test_amplitude_and_phase():
    amplitude, phase = ops.complex_decompose(Z)
    np.testing.assert_allclose(amplitude, np.abs(Z), rtol=1e-6)
    np.testing.assert_allclose(phase, np.angle(Z), rtol=1e-6)
    np.testing.assert_allclose(ops.complex_recompose(amplitude, phase), Z, atol=1e-6)
    np.testing.assert_allclose(ops.amplitude_apply(lambda a: a**2)(Z), Z * np.abs(Z), atol=1e-5)
    same(ops.complex_decompose(np.array([-2, 3]))[1], np.float32([np.pi, 0]))
    assert ops.complex_recompose(jnp.ones(2, "bfloat16"), 0.0).dtype == np.complex64


@pytest.mark.slow
def test_gradients_of_amplitude_and_phase_at_zero_are_zero(x64):
    def both(x):
        return jnp.stack(ops.complex_decompose(jax.lax.complex(x[0], x[1])))

    same(jax.jacobian(both)(jnp.zeros(2)), np.zeros((2, 2)))
    check_gradients(both, np.array([0.6, -0.8]), order=1)
    assert ops.complex_recompose(np.ones(1), np.ones(1)).dtype == np.complex128


@pytest.mark.fast
def test_layouts():
    same(ops.transpose(X), X.transpose())
    same(ops.transpose(X, axes=(1, 0, -1)), X.transpose(1, 0, 2))
    same(ops.reshape_to(X, (4, -1)), X.reshape(4, -1))
    same(ops.reshape_to(X, 24), X.ravel())
    same(ops.transpose_tf_conv_kernel(X), X.transpose(2, 1, 0))
    assert ops.transpose_tf_conv_kernel(np.ones((3, 5, 7, 16, 32))).shape == (32, 16, 3, 5, 7)
    assert ops.broadcast_bias(X[0], 2).shape == (3, 4, 1, 1)


@pytest.mark.slow
def test_a_transposed_convolution_keeps_its_meaning_across_layouts():
    # TensorFlow keeps [k, out, in]: each input entry adds its kernel to the output. lax correlates a stretched input.
    rng = np.random.default_rng(2)
    kernel, x = rng.normal(size=(3, 2, 4)), rng.normal(size=(4, 5))
    wanted = np.zeros((2, 11))
    for i in range(5):
        wanted[:, 2 * i : 2 * i + 3] += np.einsum("koi,i->ok", kernel, x[:, i])
    pytorch = np.asarray(ops.transpose_tf_conv_kernel(kernel))  # [in, out, k]
    by_pytorchs_layout = np.zeros((2, 11))
    for i in range(5):
        by_pytorchs_layout[:, 2 * i : 2 * i + 3] += np.einsum("iok,i->ok", pytorch, x[:, i])
    np.testing.assert_allclose(by_pytorchs_layout, wanted, atol=1e-6)
    equinox = pytorch.swapaxes(0, 1)[:, :, ::-1]
    got = jax.lax.conv_general_dilated(
        np.float32(x)[None], np.float32(equinox), (1,), [(2, 2)], lhs_dilation=(2,)
    )
    np.testing.assert_allclose(got[0], wanted, atol=1e-5)


@pytest.mark.fast
def test_vmap_over_outer_broadcasts_singletons():
    a, b = np.float32(np.ones((4, 1, 3))), X[0, :, :3]
    dot = ops.vmap_over_outer(jnp.dot, 1)
    np.testing.assert_allclose(dot(a, b), np.broadcast_to(b.sum(-1), (4, 3)), rtol=1e-6)
    assert dot(np.ones((1, 3)), np.ones((1, 3))).shape == (1,)
    assert dot(np.ones(3), np.ones(3)) == 3


@pytest.mark.slow
def test_vmap_over_outer_aligns_from_either_end():
    a, b = np.ones((2, 3, 5), np.float32), np.ones((2, 5), np.float32)
    dot = ops.vmap_over_outer(jnp.dot, 1, align_outer=True)
    assert dot(a, b).shape == (2, 3)
    with pytest.raises(ValueError, match=r"leading axes \[\(2, 3\), \(1, 2\)\] do not broadcast"):
        ops.vmap_over_outer(jnp.dot, 1)(a, b)


def test_vmap_over_outer_does_not_copy_what_broadcasts():
    seen = []

    def f(a, b):
        seen.append((a.shape, b.shape))
        return {"sum": a + b, "first": a}

    out = jax.jit(ops.vmap_over_outer(f, 0))(np.ones((3, 1)), np.ones((1, 4)))
    assert seen == [((), ())]
    assert out["sum"].shape == (3, 4)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: ops.standard_axis_number_strict(3, 3),
            ValueError,
            "axis 3 is out of range: there are 3 axes",
        ),
        (lambda: ops.negative_axis_number_strict(-4, 3), ValueError, "axis -4 is out of range"),
        (lambda: ops.promote_axis(3, (0, -3)), ValueError, "names an axis twice, of 3 axes"),
        (lambda: ops.atleast_4d(), TypeError, "give one array, or several"),
        (lambda: ops.fold_axis(X, 1, 2), ValueError, "n_folds=2 does not divide the 3 entries of axis 1"),
        (lambda: ops.unfold_axes(X, (0, 2)), ValueError, "must be neighbours in ascending order"),
        (lambda: ops.unfold_axes(X, ()), ValueError, "must be neighbours"),
        (
            lambda: ops.apply_mask(X, np.ones(2, bool), 1),
            ValueError,
            r"msk has shape \(2,\), but axis 1 has 3 entries",
        ),
        (lambda: ops.apply_mask(X, np.ones(3), 1), TypeError, "msk has dtype float.*; give truth values"),
        (
            lambda: jax.jit(lambda m: ops.apply_mask(X, m, 1))(np.ones(3, bool)),
            ValueError,
            "msk is traced",
        ),
        (
            lambda: ops.masker(np.ones((2, 3), bool), 0),
            ValueError,
            r"mask has shape \(2, 3\), but the axes \(0,\)",
        ),
        (
            lambda: ops.masker(np.ones(2, bool), 1)(X),
            ValueError,
            r"axes \(1,\) of the array \(2, 3, 4\) are \(3,\)",
        ),
        (lambda: ops.conform_mask(X, np.ones(3), 1), TypeError, "mask has dtype float.*; give truth values"),
        (
            lambda: ops.mask_tensor(X, np.ones(3, bool), 1, np.ones(3)),
            ValueError,
            "fill_value of shape .* does not br",
        ),
        (
            lambda: ops.broadcast_ignoring(X, np.ones((2, 4)), -1),
            ValueError,
            "do not broadcast beside axis -1",
        ),
        (
            lambda: ops.orient_and_conform(X, (0, 1, 2)),
            ValueError,
            "give either reference or dim; none of them",
        ),
        (
            lambda: ops.orient_and_conform(X, (0, 1), dim=3),
            ValueError,
            "must name one axis for each of input",
        ),
        (lambda: ops.extend_to_size(X, (2, 3, 3)), ValueError, "must have a length for each axis of tensor"),
        (lambda: ops.extend_to_max_size([X, X[0]]), ValueError, "differ in their number of axes"),
        (lambda: ops.complex_recompose(np.ones(2), np.ones(3)), ValueError, "do not broadcast"),
        (lambda: ops.transpose(X, axes=(0, 1)), ValueError, "must name each axis of tensor"),
        (lambda: ops.reshape_to(X, (5, -1)), ValueError, "the 24 entries of tensor .* do not fill shape"),
        (lambda: ops.reshape_to(X, (-1, -1)), ValueError, "do not fill shape"),
        (lambda: ops.transpose_tf_conv_kernel(X[0, 0]), ValueError, "two axes or more"),
        (lambda: ops.broadcast_bias(1.0, 2), ValueError, "bias is a single number"),
        (lambda: ops.vmap_over_outer(jnp.dot, 1)(np.float32(1)), ValueError, "need 1 axes each, for f_dim"),
        (lambda: ops.transpose(np.array([2**40])), ValueError, "which int32 cannot hold"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
