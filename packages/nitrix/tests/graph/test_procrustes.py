"""Procrustes alignment against its definition and BrainSpace's, with derivatives at equal and vanishing values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.graph import procrustes_align
from support import connectopy as oracle
from support.gradients import check_gradients
from support.marks import seldom_but


def subjects(b=4, n=20, k=3, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, k))
    turns = [np.linalg.qr(rng.normal(size=(k, k)))[0] for _ in range(b)]
    return np.array([common @ turn + noise * rng.normal(size=(n, k)) for turn in turns]), common


@pytest.mark.fast
def test_alignment_to_a_reference(x64):
    maps, reference = subjects()
    got = procrustes_align(maps, reference=reference)
    np.testing.assert_allclose(got.maps, oracle.procrustes(maps, reference)[0], atol=1e-12)
    np.testing.assert_allclose(maps @ np.asarray(got.rotations), got.maps, atol=1e-12)
    np.testing.assert_array_equal(got.reference, reference)
    assert float(got.change) == 0
    # No other orthogonal matrix brings a set closer.
    rng = np.random.default_rng(1)
    others = np.linalg.qr(rng.normal(size=(50, 3, 3)))[0]
    least = np.linalg.norm(maps[0] @ others - reference, axis=(1, 2)).min()
    assert np.linalg.norm(got.maps[0] - reference) <= least


@pytest.mark.parametrize("n_iter", seldom_but([1, 4], 4))
def test_generalised_alignment(x64, n_iter):
    maps, _ = subjects()
    got = procrustes_align(maps, n_iter=n_iter)
    aligned, mean = oracle.procrustes(maps, n_iter=n_iter)
    np.testing.assert_allclose(got.maps, aligned, atol=1e-12)
    np.testing.assert_allclose(got.reference, mean, atol=1e-12)
    before = maps[0] if n_iter == 1 else oracle.procrustes(maps, n_iter=n_iter - 1)[1]
    np.testing.assert_allclose(
        got.change, np.linalg.norm(mean - before) / np.linalg.norm(mean), rtol=1e-9, atol=1e-15
    )


def test_alignment_agrees_with_brainspace(x64):
    alignment = pytest.importorskip("brainspace.gradient.alignment")
    maps, reference = subjects()
    wanted = alignment.procrustes_alignment(list(maps), n_iter=10, tol=0)
    np.testing.assert_allclose(procrustes_align(maps).maps, wanted, atol=1e-10)
    wanted = alignment.procrustes_alignment(list(maps), reference=reference, n_iter=1)
    np.testing.assert_allclose(procrustes_align(maps, reference=reference).maps, wanted, atol=1e-10)


def test_exact_copies_are_brought_together():
    maps, _ = subjects(noise=0.0)
    got = procrustes_align(np.float32(maps))
    np.testing.assert_allclose(got.maps, np.broadcast_to(got.maps[0], maps.shape), atol=2e-5)
    assert float(got.change) < 1e-5


@pytest.mark.parametrize("dtype", seldom_but(["bfloat16", "int32"], "bfloat16"))
def test_dtypes(dtype):
    maps = jnp.asarray(np.round(4 * subjects()[0])).astype(dtype)
    got = procrustes_align(maps, n_iter=2)
    assert got.maps.dtype == ("float32" if dtype == "int32" else dtype)
    wanted = oracle.procrustes(np.asarray(maps, float), n_iter=2)[0]
    np.testing.assert_allclose(np.float64(got.maps), wanted, atol=0.1 if dtype == "bfloat16" else 1e-4)


@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_derivatives(x64, order):
    maps, reference = subjects(2, 6)
    check_gradients(lambda x: procrustes_align(x, n_iter=2).maps, maps, order=order)
    check_gradients(lambda x, r: procrustes_align(x, reference=r).maps, maps, reference, order=order)


def test_derivatives_at_equal_singular_values(x64):
    maps = np.eye(4)[None, :, :2] + 0.0  # X' R is the identity
    check_gradients(lambda x: procrustes_align(x, reference=np.eye(4)[:, :2]).maps, maps, order=1)


def test_gradient_is_finite_where_the_rotation_is_not_determined():
    maps = np.zeros((1, 4, 2), np.float32)
    maps[0, :, 0] = [1, 2, 3, 4]
    gradient = jax.grad(lambda x: procrustes_align(x, reference=x[0]).maps.sum())(jnp.asarray(maps))
    assert np.isfinite(gradient).all()


def test_bad_arguments_are_refused_in_words(unchecked):
    maps, _ = subjects()
    with pytest.raises(ValueError, match=r"maps has shape \(20, 3\); give \[b n k\]"):
        procrustes_align(maps[0])
    with pytest.raises(
        ValueError, match=r"reference has shape \(20, 2\), but maps of shape \(4, 20, 3\) need"
    ):
        procrustes_align(maps, reference=maps[0, :, :2])
    with pytest.raises(ValueError, match="n_iter=0 must be at least 1"):
        procrustes_align(maps, n_iter=0)
    with pytest.raises(TypeError, match="maps has dtype complex"):
        procrustes_align(maps + 0j)
