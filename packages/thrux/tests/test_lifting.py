"""Functions on images: axes, spacing, types and headers."""

import nibabel
import numpy as np
import pytest
from nibabel.affines import from_matvec
from thrux import lift

pytestmark = pytest.mark.fast
OBLIQUE = from_matvec([[0, -2, 0.5], [3, 0, 0], [0, 0.5, 4]], [1, 2, 3])
NORMS = np.linalg.norm(OBLIQUE[:3, :3], axis=0)


def image_of(values, affine=OBLIQUE, kind=nibabel.Nifti1Image):
    return kind(values, affine)


def test_spacing_and_spatial_rank_are_passed_and_time_is_a_batch_axis():
    seen = {}

    def function(x, *, spacing, spatial_rank, factor):
        seen.update(spacing=spacing, rank=spatial_rank, shape=x.shape)
        return x * factor

    values = np.arange(2 * 3 * 4 * 5, dtype="f4").reshape(2, 3, 4, 5)
    result = lift(function)(image_of(values), factor=np.float32(2))
    np.testing.assert_array_equal(result.get_fdata(), 2 * values)
    np.testing.assert_allclose(seen["spacing"], NORMS)
    assert (seen["rank"], seen["shape"]) == (3, (5, 2, 3, 4))


def test_metres_become_mm():
    image = image_of(np.ones((2, 2, 2), "f4"), np.diag([0.002, 0.002, 0.003, 1]))
    image.header.set_xyzt_units("meter")
    seen = []
    lift(lambda x, *, spacing: (seen.append(spacing), x)[1])(image)
    np.testing.assert_allclose(seen[0], (2, 2, 3))


def test_a_spacing_that_is_given_is_kept():
    seen = []
    lift(lambda x, *, spacing: (seen.append(spacing), x)[1])(image_of(np.ones((2, 2, 2), "f4")), spacing=1.0)
    assert seen == [1.0]


def test_a_function_without_spatial_rank_sees_one_volume_at_a_time():
    shapes = []
    values = np.arange(2 * 3 * 4 * 5, dtype="f4").reshape(2, 3, 4, 5)
    result = lift(lambda x: (shapes.append(x.shape), x - x.mean())[1])(image_of(values))
    assert shapes == [(2, 3, 4)] * 5
    np.testing.assert_allclose(result.get_fdata(), values - values.mean(axis=(0, 1, 2)), atol=1e-4)


def test_batch_axes_may_change_and_spatial_ones_may_not():
    image = image_of(np.ones((2, 3, 4, 5), "f4"))
    assert lift(lambda x, *, spatial_rank: x.mean(axis=0))(image).shape == (2, 3, 4)
    with pytest.raises(ValueError, match=r"shape \(5, 2, 3, 2\), but .* must stay \(2, 3, 4\)"):
        lift(lambda x, *, spatial_rank: x[..., :2])(image)


@pytest.mark.parametrize(
    ("stored", "given", "kept"),
    [("f4", "f4", "f4"), ("f8", "f8", "f8"), ("i2", "f4", "i2"), ("u1", "f4", "u1"), ("i4", "f4", "i4")],
)
def test_the_type_of_the_result(stored, given, kept):
    image = image_of(np.arange(24).reshape(2, 3, 4).astype(stored))
    halves = lift(lambda x: x + np.float32(0.4))(image)
    assert halves.get_data_dtype() == np.dtype(given)
    np.testing.assert_allclose(halves.get_fdata(), np.arange(24).reshape(2, 3, 4) + 0.4, rtol=1e-6)
    same = lift(lambda x: x + np.float32(0.4), dtype="keep")(image)
    assert same.get_data_dtype() == np.dtype(kept)
    if np.dtype(kept).kind in "iu":
        np.testing.assert_array_equal(np.asarray(same.dataobj), np.asarray(image.dataobj))
    assert lift(lambda x: x, dtype=np.float64)(image).get_data_dtype() == np.float64


@pytest.mark.parametrize("stored", ["u1", "i2", "i4", "u8"])
def test_kept_integers_are_clipped(stored):
    image = nibabel.Nifti1Image(np.ones((2, 2, 2), stored), np.eye(4), dtype=stored)
    info = np.iinfo(stored)
    for factor, end in ((1e30, info.max), (-1e30, info.min)):
        result = lift(lambda x, f=factor: x * np.float32(f), dtype="keep")(image)
        assert np.asarray(result.dataobj).flat[0] == end


def test_the_header_is_kept(tmp_path):
    image = image_of(np.ones((2, 3, 4, 2), "i2"))
    image.header.set_zooms((*NORMS, 0.72))
    image.header["descrip"] = b"a note"
    image.set_qform(OBLIQUE, 1)
    result = lift(lambda x: x)(image)
    nibabel.save(result, tmp_path / "a.nii")
    found = nibabel.load(tmp_path / "a.nii")
    np.testing.assert_allclose(found.affine, OBLIQUE)
    assert found.header["descrip"] == b"a note"
    assert found.header.get_zooms() == image.header.get_zooms()
    assert found.header["qform_code"] == 1
    assert image.get_data_dtype() == np.int16  # the image that was given is left alone


@pytest.mark.parametrize("kind", [nibabel.Nifti2Image, nibabel.MGHImage])
def test_the_class_is_kept(kind):
    result = lift(lambda x: x)(image_of(np.ones((2, 3, 4), "f4"), kind=kind))
    assert type(result) is kind
    np.testing.assert_allclose(result.affine, OBLIQUE, atol=1e-6)


def test_scaled_integers_are_real_values(example):
    image = nibabel.load(example("functional.nii"))
    np.testing.assert_allclose(lift(lambda x: x)(image).get_fdata(), image.get_fdata(), rtol=1e-6)
    with pytest.raises(ValueError, match=r"dtype='keep' would lose the fractions .* use dtype='float'"):
        lift(lambda x: x, dtype="keep")(image)


@pytest.mark.usefixtures("unchecked")
def test_wrong_input_is_refused_in_words():
    def named(x):
        return x

    with pytest.raises(TypeError, match=r"named: image is ndarray, not a nibabel image; read one"):
        lift(named)(np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match=r"named: image has shape \(2, 2\), but three spatial axes"):
        lift(named)(nibabel.Nifti1Image(np.ones((2, 2), "f4"), np.eye(4)))
    with pytest.raises(ValueError, match="values of type complex64; real numbers"):
        lift(named)(nibabel.Nifti1Image(np.ones((2, 2, 2), "c8"), np.eye(4)))
    with pytest.raises(TypeError, match="spatial_rank is 3 for an image; leave it out"):
        lift(named)(image_of(np.ones((2, 2, 2), "f4")), spatial_rank=2)
    with pytest.raises(ValueError, match="NaN or infinity, which integers cannot"):
        lift(lambda x: x * np.float32(np.nan), dtype="keep")(image_of(np.ones((2, 2, 2), "u1")))
