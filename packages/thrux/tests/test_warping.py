"""Images through affines and displacement fields: directions, conventions and order, against SciPy by hand."""

import math

import nibabel
import numpy as np
import pytest
import thrux
from nibabel.affines import apply_affine, from_matvec
from scipy import ndimage
from scipy.linalg import expm
from thrux import Limits, ThruxError
from thrux.warping import load_affine, load_field

SHAPE = (9, 8, 7)
LAS = from_matvec(np.diag([-2.0, 3.0, 2.5]), [8, -10.5, -7.5])  # its middle is at 0 mm
GRID = from_matvec([[0.2, -2.1, 0.1], [2.2, 0.3, -0.2], [0.1, 0.2, 2.3]], [7, -9, -8])
GRID_SHAPE = (8, 7, 6)
FIELD = from_matvec(np.diag([5.0, -5.0, 5.0]), [-20, 20, -20])
FIELD_SHAPE = (9, 9, 9)
TURN = from_matvec(
    [[math.cos(0.3), -math.sin(0.3), 0], [math.sin(0.3), math.cos(0.3), 0], [0, 0.1, 1]], [1, -2, 0.5]
)


@pytest.fixture
def image(nifti, rng):
    values = (100 * ndimage.gaussian_filter(rng.normal(size=SHAPE), 1)).astype("f4")
    return nifti(values, affine=LAS, name="in.nii.gz")


@pytest.fixture
def grid(nifti):
    return nifti(np.zeros(GRID_SHAPE, "u1"), affine=GRID, name="grid.nii")


@pytest.fixture
def matrix(tmp_path):
    def write(values, name="world.txt"):
        np.savetxt(tmp_path / name, values)
        return tmp_path / name

    return write


@pytest.fixture
def displacements(rng):
    """In mm, RAS, on a grid that is neither the image's nor the target's."""
    return 6 * ndimage.gaussian_filter(rng.normal(size=(*FIELD_SHAPE, 3)), (1, 1, 1, 0)).astype("f4")


def run(path, out, **options):
    report = thrux.warp_file(path, out, force=True, **options)
    return np.asanyarray(nibabel.load(out).dataobj), report


def world(affine, shape):
    return apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))


def at(values, affine, points, **options):
    """Of an image the values at points in mm, by SciPy, and which of them are between its centres."""
    where = apply_affine(np.linalg.inv(affine), points)
    beyond = np.maximum(-where, where - (np.array(values.shape) - 1)).max(axis=-1)
    return ndimage.map_coordinates(values, np.moveaxis(where, -1, 0), order=1, **options), beyond <= 0


def moved(displacements, points):
    """p + u(p), the field being linear between its centres."""
    return points + np.stack([at(u, FIELD, points)[0] for u in np.moveaxis(displacements, -1, 0)], axis=-1)


@pytest.mark.fast
def test_an_affine_says_where_each_point_is_fetched_from(nifti, matrix, tmp_path):
    ramp = np.arange(5, dtype="f4").reshape(5, 1, 1)
    path = nifti(ramp, affine=np.diag([2.0, 2, 2, 1]))
    four_mm = matrix(from_matvec(np.eye(3), [4, 0, 0]))
    found, report = run(path, tmp_path / "out.nii", affine=four_mm, fill=-1)
    np.testing.assert_allclose(found.ravel(), [2, 3, 4, -1, -1])
    assert (report.grid, report.outside, report.affine[0]) == (str(path), 2, [1, 0, 0, 4])
    found, report = run(path, tmp_path / "out.nii", affine=four_mm, invert_affine=True, fill=-1)
    np.testing.assert_allclose(found.ravel(), [-1, -1, 0, 1, 2])
    assert report.affine[0] == [1, 0, 0, -4]
    found, _ = run(path, tmp_path / "out.nii", affine=four_mm, convention="lps", fill=-1)
    np.testing.assert_allclose(found.ravel(), [-1, -1, 0, 1, 2])  # 4 mm to the left


@pytest.mark.parametrize("convention", ["ras", "lps"])
def test_a_rotation_onto_another_grid(image, grid, matrix, tmp_path, convention):
    flip = np.diag([-1.0, -1, 1, 1]) if convention == "lps" else np.eye(4)
    path = matrix(flip @ TURN @ flip)
    found, report = run(image, tmp_path / "out.nii", like=grid, affine=path, convention=convention)
    want, inside = at(nibabel.load(image).get_fdata(), LAS, apply_affine(TURN, world(GRID, GRID_SHAPE)))
    assert inside.sum() > 100
    np.testing.assert_allclose(found[inside], want[inside], atol=2e-3)
    np.testing.assert_allclose(report.affine, TURN, atol=1e-12)
    np.testing.assert_allclose(nibabel.load(tmp_path / "out.nii").affine, GRID, atol=1e-6)


@pytest.mark.parametrize("ranks", [4, 5])
@pytest.mark.parametrize("convention", ["ras", "lps"])
def test_the_field_comes_first_and_the_affine_then(
    nifti, image, grid, matrix, tmp_path, displacements, convention, ranks
):
    stored = displacements * np.float32([-1, -1, 1]) if convention == "lps" else displacements
    flip = np.diag([-1.0, -1, 1, 1]) if convention == "lps" else np.eye(4)
    warp = nifti(stored if ranks == 4 else stored[:, :, :, None], affine=FIELD, name="warp.nii.gz")
    found, report = run(
        image,
        tmp_path / "out.nii",
        like=grid,
        affine=matrix(flip @ TURN @ flip),
        field=warp,
        convention=convention,
        fill=-5,
    )
    points = apply_affine(TURN, moved(displacements, world(GRID, GRID_SHAPE)))
    want, inside = at(nibabel.load(image).get_fdata(), LAS, points)
    assert inside.sum() > 100
    np.testing.assert_allclose(found[inside], want[inside], atol=5e-3)
    assert report.largest_displacement_mm == pytest.approx(
        np.linalg.norm(displacements, axis=-1).max(), rel=1e-6
    )
    assert (found == -5).sum() == report.outside


def test_without_a_grid_the_output_lies_on_that_of_the_field(nifti, image, tmp_path, displacements):
    warp = nifti(displacements, affine=FIELD, name="warp.nii.gz")
    found, report = run(image, tmp_path / "out.nii", field=warp)
    want, inside = at(nibabel.load(image).get_fdata(), LAS, world(FIELD, FIELD_SHAPE) + displacements)
    np.testing.assert_allclose(found[inside], want[inside], atol=2e-3)
    assert (report.grid, report.shape, report.affine) == (str(warp), FIELD_SHAPE, None)


def test_beyond_its_grid_a_field_moves_nothing(nifti, tmp_path):
    ramp = np.arange(8, dtype="f4").reshape(8, 1, 1)
    two_voxels = nifti(np.tile(np.float32([2, 0, 0]), (3, 1, 1, 1)), name="warp.nii")
    path = nifti(ramp)
    found, _ = run(path, tmp_path / "out.nii", like=path, field=two_voxels)
    np.testing.assert_allclose(found.ravel(), [2, 3, 4, 3, 4, 5, 6, 7])


def test_velocities_are_followed_for_one_unit_of_time(nifti, tmp_path):
    # Of a linear velocity field the flow is the exponential: points go away from the middle, and turn about it.
    pull = np.array([[0.2, -0.3, 0], [0.3, 0.1, 0], [0, 0, -0.2]])
    affine, shape = from_matvec(np.diag([-2.0, 2.0, 2.0]), [24, -24, -24]), (25, 25, 25)
    points = world(affine, shape)
    velocity = nifti((points @ pull.T).astype("f4"), affine=affine, name="svf.nii.gz")
    values = (points @ np.array([1.0, 2.0, -1.0])).astype("f4")
    path = nifti(values, affine=affine)
    found, report = run(path, tmp_path / "out.nii", field=velocity, velocity=True)
    want = points @ expm(pull).T @ np.array([1.0, 2.0, -1.0])
    near = np.linalg.norm(points, axis=-1) < 14  # whose way does not leave the grid
    np.testing.assert_allclose(found[near], want[near], atol=0.1)
    assert (
        np.abs(found - (points + points @ pull.T) @ [1.0, 2.0, -1.0])[near].max() > 0.5
    )  # no mere displacement
    assert (report.velocity, report.folds) == (True, 0)


def test_a_field_that_folds_is_told(nifti, image, tmp_path, displacements):
    assert run(image, tmp_path / "out.nii", field=nifti(displacements, affine=FIELD))[1].folds == 0
    twisted = -2 * (world(FIELD, FIELD_SHAPE)).astype("f4")
    assert run(image, tmp_path / "out.nii", field=nifti(twisted, affine=FIELD))[1].folds > 100


def test_labels_keep_their_type_and_series_are_warped_volume_by_volume(nifti, grid, matrix, tmp_path, rng):
    values = rng.integers(0, 4, (*SHAPE, 3)).astype("u1") * 60
    seen = []
    path = nifti(values, affine=LAS)
    options = {"like": grid, "affine": matrix(TURN), "progress": lambda *at: seen.append(at)}
    found, report = run(path, tmp_path / "out.nii", method="nearest", **options)
    where = apply_affine(np.linalg.inv(LAS) @ TURN, world(GRID, GRID_SHAPE))
    index = np.round(where).astype(int)
    clear = (np.abs(where - index) < 0.499).all(axis=-1) & ((index >= 0) & (index < SHAPE)).all(axis=-1)
    np.testing.assert_array_equal(found[clear], values[tuple(index[clear].T)])
    assert (found.dtype, report.dtype, report.shape) == (np.uint8, "uint8", (*GRID_SHAPE, 3))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    found, _ = run(path, tmp_path / "out.nii", method="labels", **options)
    assert set(np.unique(found)) <= {0, 60, 120, 180}


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        ("1 0 0\n0 1 0\n0 0 1\n", "3 x 3", "four lines of four numbers"),
        ("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 1 1\n", "[0.0, 0.0, 1.0, 1.0]", "the last line must be 0 0 0 1"),
        ("1 0 0 0\n0 1 0 0\n1 1 0 0\n0 0 0 1\n", "singular", "space would collapse"),
        ("1 0 0 n/a\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", "not finite", "must be numbers"),
    ],
)
def test_a_matrix_that_is_none_is_refused(tmp_path, text, value, words):
    (tmp_path / "world.txt").write_text("# by hand\n" + text)
    with pytest.raises(ThruxError, match=words) as caught:
        load_affine(tmp_path / "world.txt")
    assert (caught.value.field, caught.value.value) == ("matrix", value)


def test_a_file_that_holds_no_field_is_refused(nifti, displacements):
    for values, words in [
        (displacements[..., :2], "9 x 9 x 9 x 2: a displacement field has three values for each voxel"),
        (displacements[..., 0], "9 x 9 x 9: a displacement field"),
        (np.where(displacements == displacements.max(), np.nan, displacements), "1 displacements are NaN"),
    ]:
        with pytest.raises(ThruxError, match=words):
            load_field(nifti(values))


def test_what_cannot_be_warped_is_refused(nifti, image, matrix, tmp_path):
    out = tmp_path / "out.nii"
    far = matrix(from_matvec(np.eye(3), [900, 0, 0]), "far.txt")
    same = matrix(np.eye(4))
    flat = nifti(np.ones((4, 4), "f4"), name="flat.nii")
    big = nifti(np.zeros((60, 60, 60, 3), "f4"), name="big.nii")
    for source, options, field, words in [
        (image, {}, "affine", "an affine or a displacement field is needed"),
        (
            image,
            {"field": big, "invert_affine": True},
            "invert_affine",
            "about the affine, of which there is none",
        ),
        (image, {"affine": same, "velocity": True}, "velocity", "about the field, of which there is none"),
        (image, {"affine": far}, "affine", "no voxel of the grid that is asked for lies in the image"),
        (image, {"affine": same, "fill": math.inf}, "fill", "it must be finite"),
        (image, {"affine": same, "like": flat}, "dim[0]", "three spatial axes"),
        (flat, {"affine": same}, "dim[0]", "three spatial axes"),
        (image, {"field": big, "limits": Limits(memory=2**20)}, "dim", "MiB of memory"),
    ]:
        with pytest.raises(ThruxError, match=words) as caught:
            thrux.warp_file(source, out, **options)
        assert caught.value.field == field
        assert not out.exists()
