"""The tangent space at a reference: there and back, against the definition, nilearn, and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.linalg import (
    cone_project_spd,
    mean_geometric,
    mean_harmonic,
    sym2vec,
    tangent_project_spd,
    update_tangent_reference,
)
from support import spd
from support.gradients import check_gradients


@pytest.mark.fast
def test_projections_are_those_of_the_definition_and_undo_each_other(x64):
    x, r = spd.matrices(4, 3, 5), spd.matrices(3, 5, seed=1)
    v = tangent_project_spd(x, r)
    wanted = np.array([[spd.tangent(a, b) for a, b in zip(row, r)] for row in x])
    np.testing.assert_allclose(v, wanted, atol=1e-12)
    np.testing.assert_allclose(cone_project_spd(v, r), x, atol=1e-12 * np.abs(x).max())
    back = tangent_project_spd(cone_project_spd(wanted, r), r)
    np.testing.assert_allclose(back, wanted, atol=1e-12)


def test_float32_round_trip_is_exact_to_rounding():
    x, r = np.float32(spd.matrices(4, 3, 5)), np.float32(spd.matrices(3, 5, seed=1))
    back = cone_project_spd(tangent_project_spd(x, r), r)
    assert back.dtype == "float32"
    np.testing.assert_allclose(back, x, atol=1e-5 * np.abs(x).max())


def test_reconditioning_is_undone_on_the_way_back(x64):
    # psi was applied to the reference and again to the whitened matrix: there and back missed by 0.13.
    x, r, key = spd.matrices(4, 3, 5), spd.matrices(3, 5, seed=1), jax.random.key(3)
    v = tangent_project_spd(x, r, psi=0.1, key=key)
    assert np.abs(v - tangent_project_spd(x, r)).max() > 1e-3
    np.testing.assert_allclose(cone_project_spd(v, r, psi=0.1, key=key), x, atol=1e-12 * np.abs(x).max())


def test_single_axes_of_a_batch_are_kept():
    # A shape of (4, 1, 5, 5) came back as (4, 4, 5, 5).
    v = np.zeros((4, 1, 5, 5), np.float32)
    np.testing.assert_allclose(
        cone_project_spd(v, np.eye(5, dtype=np.float32)), np.broadcast_to(np.eye(5), v.shape), atol=1e-6
    )


def test_projected_matrices_are_positive_definite_at_any_scale():
    # A shift by an absolute 1e-6 left results of scale 10 indefinite.
    rng = np.random.default_rng(0)
    v = rng.normal(size=(50, 5, 5)).astype(np.float32)
    for scale in (1e-3, 10.0):
        out = np.asarray(cone_project_spd(v, np.float32(scale * np.eye(5))))
        np.testing.assert_array_equal(out, np.swapaxes(out, 1, 2))
        assert (np.linalg.eigvalsh(out.astype(float)) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("project", [tangent_project_spd, cone_project_spd])
def test_derivatives_in_both_operands_at_ties(x64, project):
    x, r = np.array([np.eye(3)] * 2), np.diag([1.0, 1.0, 2.0])
    x[1] = spd.matrices(3, condition=3.0)
    check_gradients(project, x, r, rtol=2e-6)


def test_gradients_where_everything_coincides(x64):
    # At X = R = I whitening and logarithm cancel to first order: dV = dX - dR.
    eye = np.eye(3)
    e, f = (y + y.T for y in np.random.default_rng(0).normal(size=(2, 3, 3)))
    np.testing.assert_allclose(jax.jvp(tangent_project_spd, (eye, eye), (e, f))[1], e - f, atol=1e-13)


@pytest.mark.slow
def test_nilearns_tangent_connectivity_is_the_projection_at_the_geometric_mean(x64):
    connectome = pytest.importorskip("nilearn.connectome")
    covariance = pytest.importorskip("sklearn.covariance")
    series = np.random.default_rng(0).normal(size=(6, 60, 5)) @ np.random.default_rng(1).normal(size=(5, 5))
    measure = connectome.ConnectivityMeasure(
        cov_estimator=covariance.EmpiricalCovariance(), kind="tangent", vectorize=True, standardize=False
    )
    wanted = measure.fit_transform(list(series))
    centred = series - series.mean(1, keepdims=True)
    x = np.einsum("nti,ntj->nij", centred, centred) / series.shape[1]
    v = np.asarray(tangent_project_spd(x, mean_geometric(x)))
    np.testing.assert_allclose(mean_geometric(x), measure.mean_, atol=1e-6 * np.abs(measure.mean_).max())
    rows, columns = np.tril_indices(5)
    ours = v[:, rows, columns] * np.where(rows == columns, np.sqrt(0.5), 1)
    np.testing.assert_allclose(ours, wanted, atol=1e-5)
    assert sym2vec(v).shape == (6, 10)


def test_running_reference_is_the_convex_combination(x64):
    batch, old = spd.matrices(4, 3), spd.matrices(3, seed=2)
    got = update_tangent_reference(old, batch, inertia=0.9)
    np.testing.assert_allclose(got, 0.9 * old + 0.1 * batch.mean(0), atol=1e-14)
    several = update_tangent_reference(
        np.stack([old, 2 * old]), batch, inertia=0.5, mean=lambda x: jnp.stack([x.mean(0), mean_harmonic(x)])
    )
    np.testing.assert_allclose(several[1], old + 0.5 * spd.harmonic(batch), atol=1e-13)
    slope = jax.grad(lambda s: jnp.trace(update_tangent_reference(old, batch, inertia=s)))(0.5)
    np.testing.assert_allclose(slope, np.trace(old - batch.mean(0)), rtol=1e-12)


def test_bfloat16_is_computed_in_float32():
    x, r = (jnp.asarray(spd.matrices(3, seed=s), "bfloat16") for s in (0, 1))
    wide = tangent_project_spd(x.astype("float32"), r.astype("float32"))
    got = tangent_project_spd(x, r)
    np.testing.assert_array_equal(got, wide.astype("bfloat16"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tangent_project_spd(np.eye(2), np.eye(3)), r"size 2 but reference of size 3"),
        (
            lambda: cone_project_spd(np.ones((2, 3, 3)), np.ones((4, 3, 3))),
            r"leading axes of input \(2, 3, 3\) and reference \(4, 3, 3\) do not broadcast",
        ),
        (lambda: tangent_project_spd(np.eye(2), np.ones(2)), r"reference has shape \(2,\); give square"),
        (lambda: tangent_project_spd(np.eye(2), np.eye(2), psi=0.1), "psi=0.1 draws random numbers"),
        (
            lambda: update_tangent_reference(np.eye(2), np.ones((3, 2, 2)), inertia=1.5),
            r"inertia=1\.5 must be from 0 to 1",
        ),
        (
            lambda: update_tangent_reference(np.ones((4, 2, 2)), np.ones((3, 2, 2)), inertia=0.5),
            r"mean of the input has shape \(2, 2\) but reference \(4, 2, 2\); give a `mean`",
        ),
    ],
)
def test_bad_input_is_refused_in_words(unchecked, call, words):
    with pytest.raises(ValueError, match=words):
        call()
