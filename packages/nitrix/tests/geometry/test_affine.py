"""Affine grids: against the definition and nibabel, in one to four dimensions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.geometry import Linear, NearestNeighbour, affine_grid, spatial_transform
from support import displacement as oracle
from support.gradients import check_gradients
from support.marks import seldom_but

SHAPES = [(5,), (3, 4), (2, 3, 4), (2, 1, 3, 2), (3, 0)]


def affine(n, seed=0, offset=1.0):
    """Voxels of about 1 to 3, turned and moved."""
    rng = np.random.default_rng(seed)
    out = np.eye(n + 1)
    out[:n, :n] = np.linalg.qr(rng.normal(size=(n, n)))[0] * rng.uniform(1, 3, size=n)
    out[:n, n] = offset * rng.normal(size=n)
    return out


@pytest.mark.fast
@pytest.mark.parametrize(
    "shape", seldom_but([(5,), (3, 4), (2, 3, 4), (2, 1, 3, 2), (3, 0)], (3, 4), (2, 1, 3, 2)), ids=str
)
def test_coordinates_of_any_dimension(x64, shape):
    n = len(shape)
    target, source, world = (affine(n, seed) for seed in range(3))
    got = affine_grid(shape, target_affine=target, source_affine=source, world=world)
    np.testing.assert_allclose(got, oracle.affine_coordinates(shape, target, source, world), atol=1e-12)
    traced = jax.jit(lambda *x: affine_grid(shape, target_affine=x[0], source_affine=x[1], world=x[2]))
    np.testing.assert_allclose(traced(target, source, world), got, atol=1e-11)


def test_world_defaults_to_one_space_and_batches_broadcast(x64):
    target, source = affine(2), affine(2, 1)
    worlds = np.stack([affine(2, seed) for seed in (2, 3, 4)])
    got = affine_grid((2, 3), target_affine=target, source_affine=source, world=worlds)
    assert got.shape == (3, 2, 3, 2)
    np.testing.assert_allclose(
        got[2], oracle.affine_coordinates((2, 3), target, source, worlds[2]), atol=1e-12
    )
    shared = affine_grid((2, 3), target_affine=target, source_affine=source)
    np.testing.assert_allclose(
        shared, oracle.affine_coordinates((2, 3), target, source, np.eye(3)), atol=1e-12
    )
    traced = jax.jit(lambda w: affine_grid((2, 3), target_affine=target, source_affine=source, world=w))
    np.testing.assert_allclose(traced(worlds), got, atol=1e-11)


def test_affines_far_from_the_origin_are_composed_in_float64():
    # In float32 translations of 200 mm, which cancel, leave 1e-5 voxels and more.
    target, shift = affine(3, offset=200.0), np.eye(4)
    shift[:3, 3] = (0.3, -1.7, 2.1)
    shape = (5, 6, 7)
    wanted = oracle.grid(shape) - shift[:3, 3]
    got = affine_grid(shape, target_affine=target, source_affine=target @ shift)
    assert got.dtype == "float32"
    assert np.abs(np.float64(got) - wanted).max() < 1e-6
    traced = jax.jit(lambda t: affine_grid(shape, target_affine=t, source_affine=target @ shift))(target)
    assert np.abs(np.float64(traced) - wanted).max() < 5e-4


@pytest.mark.parametrize("order", [1, 0])
def test_resampling_agrees_with_nibabel(x64, order):
    nibabel = pytest.importorskip("nibabel")
    processing = pytest.importorskip("nibabel.processing")
    image = np.random.default_rng(4).normal(size=(7, 8, 6))
    shape, source, target = (9, 7, 8), np.diag([2.0, -2.5, 3.0, 1.0]), affine(3, 5)
    source[:3, 3] = (-60, 80, -90)
    target[:3, 3] = (source @ [3.2, 3.3, 2.6, 1] - target @ [4, 3, 3.5, 0])[:3]  # the middle upon the middle
    theirs = processing.resample_from_to(nibabel.Nifti1Image(image, source), (shape, target), order=order)
    grid = affine_grid(shape, target_affine=target, source_affine=source)
    method = Linear() if order else NearestNeighbour()
    ours = spatial_transform(image[..., None], grid, method=method)[..., 0]
    assert (np.asarray(ours) != 0).mean() > 0.2
    np.testing.assert_allclose(ours, theirs.get_fdata(), atol=1e-10)


@pytest.mark.slow
def test_gradients_agree_with_finite_differences(x64):
    def coordinates(target, source, world):
        return affine_grid((2, 3), target_affine=target, source_affine=source, world=world)

    tangents = np.zeros((3, 3))
    tangents[:2] = 1  # the last row is not free

    def of_what_is_free(*free):
        return coordinates(*(affine(2, seed) + jnp.asarray(tangents) * x for seed, x in enumerate(free)))

    check_gradients(of_what_is_free, *[np.zeros((3, 3))] * 3)


def test_traced_singular_affines_give_no_number():
    flat = np.diag([1.0, 0.0, 1.0])
    got = jax.jit(lambda a: affine_grid((2, 2), target_affine=np.eye(3), source_affine=a))(flat)
    assert not np.isfinite(got[1, 1]).all()


def test_whole_numbers_and_narrow_floats():
    got = affine_grid(
        (2, 2),
        target_affine=np.eye(3, dtype=int),
        source_affine=2 * np.eye(3, dtype=int) - np.diag([0, 0, 1]),
    )
    assert got.dtype == "float32"
    np.testing.assert_array_equal(got[1, 1], [0.5, 0.5])
    narrow = jnp.eye(3, dtype="bfloat16")
    assert affine_grid((2, 2), target_affine=narrow, source_affine=narrow).dtype == "bfloat16"


def affine_grid_of(shape, target, source, world=None):
    return lambda: affine_grid(shape, target_affine=target, source_affine=source, world=world)


EYE = np.eye(3)
FLAT = np.diag([1.0, 0.0, 1.0])
PERSPECTIVE = np.eye(3) + np.diag([0.1, 0.1], -1)
WRONG = {
    "shape": (affine_grid_of((2, 2, 2), EYE, EYE), r"target_affine has shape \(3, 3\); for"),
    "singular": (affine_grid_of((2, 2), EYE, FLAT), "source_affine is singular, so that"),
    "singular target": (affine_grid_of((2, 2), FLAT, EYE), "target_affine is singular"),
    "row": (affine_grid_of((2, 2), EYE, EYE, PERSPECTIVE), "world must be finite, with"),
    "nan": (affine_grid_of((2, 2), EYE * np.nan, EYE), "target_affine must be finite"),
    "length": (affine_grid_of((2, -1), EYE, EYE), "target_shape=-1 must not be negative"),
    "batch": (
        affine_grid_of((2, 2), np.stack([EYE] * 2), np.stack([EYE] * 3)),
        r"\(2,\) of target_affine, \(3,\) of source_affine do not broadcast",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_to_do(unchecked, name):
    call, match = WRONG[name]
    with pytest.raises(ValueError, match=match):
        call()
