"""Distances on files, against scipy.ndimage and against their definition."""

import math

import nibabel
import numpy as np
import pytest
import thrux
from nitrix.morphology import dilate, distance_transform
from scipy import ndimage
from thrux import Limits, ThruxError

AFFINE = nibabel.affines.from_matvec([[0, -0.9, 0], [1.5, 0, 0], [0, 0, 3]], [1, 2, 3])
SPACING = np.array([1.5, 0.9, 3.0])  # x, y, z: column norms of the affine
SHAPE = (9, 8, 7)
LENGTHS = {
    "euclidean": lambda away: np.sqrt((away**2).sum(axis=-1)),
    "city-block": lambda away: np.abs(away).sum(axis=-1),
    "chebyshev": lambda away: np.abs(away).max(axis=-1),
}


def to_nearest_outside(mask, length):
    """The least length from every voxel to one outside, all of them tried."""
    inside, outside = (np.argwhere(part) * SPACING for part in (mask, ~mask))
    found = np.zeros(mask.shape)
    found[mask] = length(inside[:, None] - outside).min(axis=1)
    return found


@pytest.fixture
def mask(rng):
    return ndimage.gaussian_filter(rng.normal(size=(*SHAPE, 2)), (1, 1, 1, 0)) > -0.1


def run(path, out, **options):
    report = thrux.distance_file(path, out, force=True, **options)
    return nibabel.load(out), report


@pytest.mark.fast
def test_euclidean_distances_as_by_scipy(nifti, tmp_path, mask):
    seen = []
    path = nifti(mask.astype("i2"), affine=AFFINE, name="in.nii.gz", change={"scl_slope": -2.0})
    image, report = run(path, tmp_path / "out.nii.gz", progress=lambda *at: seen.append(at))
    for t in range(2):
        want = ndimage.distance_transform_edt(mask[..., t], sampling=SPACING)
        np.testing.assert_allclose(image.get_fdata()[..., t], want, 1e-6)
    assert image.get_data_dtype() == np.float32
    assert (image.dataobj.slope, image.dataobj.inter) == (1, 0)
    np.testing.assert_array_equal(image.affine, nibabel.load(path).affine)
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert report.inside == mask.sum()
    assert report.largest_mm == image.get_fdata().max()
    assert (report.smallest_mm, report.empty_volumes, report.metric) == (0, 0, "euclidean")


@pytest.mark.parametrize("metric", LENGTHS)
@pytest.mark.parametrize("signed", [False, True])
def test_every_metric_is_its_definition(nifti, tmp_path, mask, metric, signed):
    mask = mask[..., 0]
    image, report = run(
        nifti(mask.astype("u1"), affine=AFFINE), tmp_path / "out.nii", metric=metric, signed=signed
    )
    want = to_nearest_outside(mask, LENGTHS[metric])
    if signed:
        want -= to_nearest_outside(~mask, LENGTHS[metric])
    np.testing.assert_allclose(image.get_fdata(), want, 1e-6)
    assert (report.metric, report.signed) == (metric, signed)
    assert report.smallest_mm == pytest.approx(want.min())


def test_lifted_functions_measure_images_in_millimetres(mask):
    image = nibabel.Nifti1Image(mask.astype("u1"), AFFINE)
    found = thrux.lift(distance_transform)(image)
    for t in range(2):
        want = ndimage.distance_transform_edt(mask[..., t], sampling=SPACING)
        np.testing.assert_allclose(found.get_fdata()[..., t], want, 1e-6)
    grown = thrux.lift(dilate, dtype="keep")(image, size=3)
    want = ndimage.grey_dilation(mask.astype("u1"), (3, 3, 3, 1))
    np.testing.assert_array_equal(np.asanyarray(grown.dataobj), want)
    assert grown.get_data_dtype() == np.uint8


def test_inside_is_above_the_threshold_in_real_values(nifti, tmp_path, rng):
    values = rng.integers(0, 5, SHAPE).astype("u1")
    path = nifti(values, affine=AFFINE, change={"scl_slope": 0.25, "scl_inter": -0.5})
    image, report = run(path, tmp_path / "out.nii", threshold=0.25)
    np.testing.assert_array_equal(image.get_fdata() > 0, values > 3)
    assert (report.threshold, report.inside) == (0.25, (values > 3).sum())
    image, report = run(path, tmp_path / "out.nii")
    np.testing.assert_array_equal(image.get_fdata() > 0, values != 2)
    assert report.threshold is None


def test_a_volume_without_anything_inside_is_zero_and_counted(nifti, tmp_path, mask):
    mask[..., 1] = False
    image, report = run(nifti(mask.astype("u1")), tmp_path / "out.nii")
    assert (image.get_fdata()[..., 1] == 0).all()
    assert report.empty_volumes == 1


def test_nan_is_refused_or_outside(nifti, tmp_path, mask):
    values = np.where(mask, 2, -1).astype("f4")
    values[4, 4, 4, 1] = np.nan
    values[4, 5, 4, 1] = np.inf
    path = nifti(values, affine=AFFINE)
    with pytest.raises(
        ThruxError, match=r"2 voxels of volume 2 of 2 are NaN.*Take them as 0 with --nan zero\.$"
    ):
        thrux.distance_file(path, tmp_path / "out.nii", threshold=0.5)
    assert [p.name for p in tmp_path.iterdir()] == ["image.nii"]
    image, report = run(path, tmp_path / "out.nii", threshold=0.5, nan="zero")
    want = ndimage.distance_transform_edt(np.isfinite(values[..., 1]) & mask[..., 1], sampling=SPACING)
    np.testing.assert_allclose(image.get_fdata()[..., 1], want, 1e-6)
    assert report.not_finite == 2


def test_what_has_no_distance_is_refused(nifti, tmp_path, mask, example):
    out = tmp_path / "out.nii"
    full = np.ones((*SHAPE, 3), "u1")
    full[0, 0, 0, 0] = 0
    path = nifti(full)
    for source, options, field, words in [
        (path, {}, "data", r"every voxel of volume 2 of 3 is not 0 and so inside.*another --threshold"),
        (path, {"threshold": -1}, "data", r"every voxel of volume 1 of 3 is above -1 and so inside"),
        (path, {"threshold": 7, "signed": True}, "data", r"no voxel of volume 1 of 3 is above 7.*--signed"),
        (path, {"threshold": math.inf}, "threshold", "must be a number"),
        (path, {"limits": Limits(memory=20_000)}, "dim", "MiB of memory"),
        (nifti(np.ones((4, 4), "f4"), name="flat.nii"), {}, "dim[0]", "three spatial axes"),
        (example("row_major.dconn.nii"), {}, "intent_code", "CIFTI"),
    ]:
        with pytest.raises(ThruxError, match=words) as caught:
            thrux.distance_file(source, out, **options)
        assert caught.value.field == field
        assert not out.exists()
    with pytest.raises(ThruxError, match=r"must end in .nii"):
        thrux.distance_file(path, tmp_path / "out.img")


@pytest.mark.usefixtures("unchecked")
def test_unknown_options_are_refused(nifti, tmp_path):
    path = nifti(np.ones(SHAPE, "f4"))
    with pytest.raises(
        ThruxError, match=r"metric is taxi: it is not known. Choose one of euclidean, city-block"
    ):
        thrux.distance_file(path, tmp_path / "out.nii", metric="taxi")
    with pytest.raises(ThruxError, match=r"nan is ignore: it is not known. Choose one of refuse, zero"):
        thrux.distance_file(path, tmp_path / "out.nii", nan="ignore")
