"""Writing NIfTI files: what is kept."""

import nibabel
import numpy as np
import pytest
import thrux
from thrux import NiftiReader, NiftiWriter, ThruxError

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", ["out.nii", "out.nii.gz"])
def test_save_and_load_keep_the_image(tmp_path, rng, version, name):
    kind = {1: nibabel.Nifti1Image, 2: nibabel.Nifti2Image}[version]
    affine = nibabel.affines.from_matvec(rng.normal(size=(3, 3)), [1, 2, 3])
    image = kind(rng.normal(size=(3, 4, 5, 2)).astype("f4"), affine)
    image.header.set_zooms((*nibabel.affines.voxel_sizes(affine), 0.72))
    image.header["descrip"] = b"a note"
    thrux.save(image, tmp_path / name)
    found = thrux.load(tmp_path / name)
    np.testing.assert_array_equal(found.get_fdata(), image.get_fdata())
    np.testing.assert_allclose(found.affine, affine, rtol=1e-6)
    assert type(found) is kind
    assert found.header["descrip"] == b"a note"
    assert found.header.get_zooms() == image.header.get_zooms()
    assert ((tmp_path / name).read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    assert image.get_filename() is None  # the caller's image is left alone


@pytest.mark.usefixtures("unchecked")
def test_save_takes_nifti_images_only(tmp_path):
    with pytest.raises(TypeError, match="not a NIfTI image; convert it"):
        thrux.save(np.ones(3), tmp_path / "a.nii")
    with pytest.raises(ThruxError, match=r"must end in .nii or .nii.gz"):
        thrux.save(nibabel.Nifti1Image(np.ones((2, 2, 2)), np.eye(4)), tmp_path / "a.img")


def test_a_written_header_differs_only_in_type_and_scaling(nifti, tmp_path, rng):
    path = nifti(rng.integers(0, 9, (3, 4, 5)).astype("i2"), order=">", change={"scl_slope": 2, "cal_max": 7})
    with NiftiReader(path) as reader:
        header = reader.header
        with NiftiWriter(tmp_path / "out.nii", header, dtype=np.dtype("f4")) as writer:
            for volume in reader.volumes():
                writer.write(volume)
    before, after = path.read_bytes()[:352], (tmp_path / "out.nii").read_bytes()[:352]
    changed = {at for at in range(352) if before[at] != after[at]}
    assert changed <= {*range(70, 74), *range(112, 120)}  # datatype, bitpix; scl_slope, scl_inter
    np.testing.assert_array_equal(
        nibabel.load(tmp_path / "out.nii").get_fdata(), nibabel.load(path).get_fdata()
    )


def test_a_file_with_missing_volumes_is_not_written(nifti, tmp_path):
    path = nifti(np.ones((3, 4, 5, 2), "f4"))
    with (
        NiftiReader(path) as reader,
        pytest.raises(ThruxError, match="60 voxels were not written"),
        NiftiWriter(tmp_path / "out.nii", reader.header, dtype=np.dtype("f4")) as writer,
    ):
        writer.write(next(reader.volumes()))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["image.nii"]
