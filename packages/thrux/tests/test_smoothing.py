"""Smoothing of images and files, against scipy.ndimage volume by volume."""

import math

import nibabel
import numpy as np
import pytest
import thrux
from scipy import ndimage
from thrux import Limits, ThruxError

AFFINE = nibabel.affines.from_matvec([[0, -2, 0.3], [2, 0, 0], [0, 0.3, 3]], [1, 2, 3])
SPACING = np.linalg.norm(AFFINE[:3, :3], axis=0)
MODES = ("reflect", "mirror", "nearest", "constant", "wrap")
SHAPE = (9, 8, 7)


def expected(volume, fwhm, mode="reflect", spacing=SPACING):
    sigma = fwhm / math.sqrt(8 * math.log(2)) / spacing
    return ndimage.gaussian_filter(volume.astype(np.float64), sigma, mode=mode)


@pytest.mark.fast
@pytest.mark.parametrize("mode", MODES)
def test_an_image_is_smoothed_as_by_scipy(rng, mode):
    values = rng.normal(size=(*SHAPE, 3)).astype("f4")
    result = thrux.smooth(nibabel.Nifti1Image(values, AFFINE), fwhm=6.0, mode=mode)
    for t in range(3):
        np.testing.assert_allclose(result.get_fdata()[..., t], expected(values[..., t], 6.0, mode), atol=2e-6)
    np.testing.assert_array_equal(result.affine, AFFINE)


@pytest.mark.parametrize("mode", MODES)
def test_a_file_is_smoothed_as_by_scipy(nifti, tmp_path, rng, mode):
    values = rng.integers(-1000, 1000, (*SHAPE, 2, 2)).astype("i2")
    path = nifti(values, affine=AFFINE, name="in.nii.gz", change={"scl_slope": 0.01, "scl_inter": 3})
    seen = []
    report = thrux.smooth_file(
        path, tmp_path / "out.nii.gz", fwhm=6.0, mode=mode, progress=lambda *at: seen.append(at)
    )
    found = nibabel.load(tmp_path / "out.nii.gz")
    assert found.get_data_dtype() == np.float32
    np.testing.assert_array_equal(found.affine, nibabel.load(path).affine)
    for index in np.ndindex(2, 2):
        volume = values[(..., *index)] * 0.01 + 3
        np.testing.assert_allclose(found.get_fdata()[(..., *index)], expected(volume, 6.0, mode), atol=2e-5)
    assert seen == [(n, 4) for n in range(5)]
    assert report.shape == (*SHAPE, 2, 2)
    assert report.not_finite == 0
    np.testing.assert_allclose(report.spacing_mm, SPACING, rtol=1e-6)


def test_real_files_keep_header_and_extensions(example, tmp_path):
    path = example("example4d.nii.gz")
    thrux.smooth_file(path, tmp_path / "out.nii", fwhm=5.0)
    before, after = nibabel.load(path), nibabel.load(tmp_path / "out.nii")
    np.testing.assert_array_equal(after.affine, before.affine)
    assert after.header.get_zooms() == before.header.get_zooms()
    assert after.header.get_xyzt_units() == before.header.get_xyzt_units()
    assert after.header.extensions == before.header.extensions
    spacing = np.array(before.header.get_zooms()[:3], float)
    volume = before.get_fdata()[..., 1]
    np.testing.assert_allclose(
        after.get_fdata()[..., 1], expected(volume, 5.0, spacing=spacing), atol=2e-6 * volume.max()
    )


@pytest.mark.parametrize(("dtype", "written"), [("u1", "f4"), ("f4", "f4"), ("f8", "f8"), ("i8", "f4")])
@pytest.mark.parametrize("version", [1, 2])
def test_the_type_and_kind_of_the_output(nifti, tmp_path, dtype, written, version):
    path = nifti(np.ones(SHAPE, dtype), version=version, order=">")
    thrux.smooth_file(path, tmp_path / "out.nii", fwhm=2.0)
    found = nibabel.load(tmp_path / "out.nii")
    assert found.get_data_dtype() == np.dtype(written).newbyteorder(">")
    assert isinstance(found, nibabel.Nifti2Image) == (version == 2)
    np.testing.assert_allclose(found.get_fdata(), 1, rtol=1e-6)


def test_input_and_output_may_be_one_file(nifti, rng):
    values = rng.normal(size=SHAPE).astype("f4")
    path = nifti(values, affine=AFFINE)
    with pytest.raises(ThruxError, match="exists"):
        thrux.smooth_file(path, path, fwhm=6.0)
    thrux.smooth_file(path, path, fwhm=6.0, force=True)
    np.testing.assert_allclose(nibabel.load(path).get_fdata(), expected(values, 6.0), atol=2e-6)


@pytest.fixture
def holed(rng):
    values = rng.normal(size=(*SHAPE, 2)).astype("f4")
    values[2:4, 3, 3, 1] = np.nan
    values[5, 5, 5, 1] = np.inf
    return values


def test_nan_is_refused_unless_told_otherwise(nifti, tmp_path, holed):
    path = nifti(holed, affine=AFFINE)
    with pytest.raises(ThruxError, match=r"3 voxels of volume 2 of 2 are NaN or infinite.*--nan zero"):
        thrux.smooth_file(path, tmp_path / "out.nii", fwhm=6.0)
    assert [p.name for p in tmp_path.iterdir()] == ["image.nii"]


def test_nan_can_be_zero(nifti, tmp_path, holed):
    report = thrux.smooth_file(nifti(holed, affine=AFFINE), tmp_path / "out.nii", fwhm=6.0, nan="zero")
    found = nibabel.load(tmp_path / "out.nii").get_fdata()[..., 1]
    np.testing.assert_allclose(found, expected(np.nan_to_num(holed[..., 1], posinf=0), 6.0), atol=2e-6)
    assert report.not_finite == 3


@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_nan_can_be_left_out(nifti, tmp_path, holed, mode):
    thrux.smooth_file(nifti(holed, affine=AFFINE), tmp_path / "out.nii", fwhm=6.0, nan="ignore", mode=mode)
    found = nibabel.load(tmp_path / "out.nii").get_fdata()
    good = np.isfinite(holed[..., 1])
    # In "constant" the zeros past the border count, so the weights are those of an image padded with ones.
    weight = 1 - expected(~good, 6.0, mode)
    want = expected(np.where(good, holed[..., 1], 0), 6.0, mode) / weight
    np.testing.assert_allclose(found[good, 1], want[good], atol=3e-6)
    assert np.isnan(found[~good, 1]).all()
    np.testing.assert_allclose(found[..., 0], expected(holed[..., 0], 6.0, mode), atol=2e-6)


def test_what_smoothing_cannot_do_is_refused(nifti, tmp_path, example):
    out = tmp_path / "out.nii"
    path = nifti(np.ones(SHAPE, "f4"))
    for source, options, field, words in [
        (path, {"fwhm": 0.0}, "fwhm", "positive"),
        (path, {"fwhm": math.nan}, "fwhm", "positive"),
        (path, {"fwhm": 50.0}, "fwhm", "wider than the image, which spans 9 mm"),
        (
            nifti(np.ones(SHAPE, "f4"), affine=np.diag([1, 1, 1e-4, 1]), name="thin.nii"),
            {"fwhm": 2.0},
            "fwhm",
            "more than 4000 voxels",
        ),
        (path, {"fwhm": 2.0, "limits": Limits(memory=20_000)}, "dim", "MiB of memory"),
        (nifti(np.ones((4, 4), "f4"), name="flat.nii"), {"fwhm": 2.0}, "dim[0]", "three spatial axes"),
        (example("row_major.dconn.nii"), {"fwhm": 2.0}, "intent_code", "CIFTI"),
    ]:
        with pytest.raises(ThruxError, match=words) as caught:
            thrux.smooth_file(source, out, **options)
        assert caught.value.field == field
        assert not out.exists()
    with pytest.raises(ThruxError, match=r"must end in .nii"):
        thrux.smooth_file(path, tmp_path / "out.img", fwhm=2.0)


@pytest.mark.usefixtures("unchecked")
def test_unknown_options_are_refused(nifti, tmp_path):
    path = nifti(np.ones(SHAPE, "f4"))
    with pytest.raises(ThruxError, match=r"mode is edge: it is not known. Choose one of reflect, mirror"):
        thrux.smooth_file(path, tmp_path / "out.nii", fwhm=2.0, mode="edge")
    with pytest.raises(ThruxError, match=r"nan is drop: it is not known. Choose one of refuse"):
        thrux.smooth_file(path, tmp_path / "out.nii", fwhm=2.0, nan="drop")
