"""Reading: right in every kind of file, refused in words in every wrong one."""

import os
import struct

import nibabel
import numpy as np
import pytest
import thrux
from nibabel.nifti1 import Nifti1Extension
from thrux import NiftiReader, ThruxError

pytestmark = pytest.mark.fast
OBLIQUE = nibabel.affines.from_matvec([[0, -2, 0.5], [3, 0, 0], [0, 0.5, 4]], [1, 2, 3])


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "f4", "f8"])
def test_every_kind_of_file_is_read_as_nibabel_reads_it(nifti, rng, version, order, name, dtype):
    values = rng.integers(0, 100, (3, 4, 5, 2)).astype(dtype)
    path = nifti(values, affine=OBLIQUE, version=version, order=order, name=name)
    image, expected = thrux.load(path), nibabel.load(path)
    np.testing.assert_array_equal(np.asarray(image.dataobj), values)
    np.testing.assert_array_equal(image.affine, expected.affine)
    assert type(image) is type(expected)
    assert image.get_data_dtype() == np.dtype(dtype)
    assert image.header.get_zooms() == expected.header.get_zooms()


@pytest.mark.parametrize(
    "name",
    ["anatomical.nii", "functional.nii", "example4d.nii.gz", "example_nifti2.nii.gz", "standard.nii.gz"],
)
def test_example_files_are_read_as_nibabel_reads_them(example, name):
    image, expected = thrux.load(example(name)), nibabel.load(example(name))
    np.testing.assert_allclose(image.get_fdata(), expected.get_fdata(), rtol=1e-6)
    np.testing.assert_array_equal(image.affine, expected.affine)
    assert [e.get_code() for e in image.header.extensions] == [
        e.get_code() for e in expected.header.extensions
    ]


def test_scaled_values_are_real_ones_and_float(nifti):
    values = np.arange(24, dtype="i2").reshape(2, 3, 4)
    path = nifti(values, change={"scl_slope": 0.5, "scl_inter": 10})
    image = thrux.load(path)
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(image.get_fdata(), values * 0.5 + 10)


def test_slope_zero_means_no_scaling(nifti):
    values = np.arange(24, dtype="i2").reshape(2, 3, 4)
    path = nifti(values, change={"scl_slope": 0, "scl_inter": 10})
    np.testing.assert_array_equal(np.asarray(thrux.load(path).dataobj), values)


@pytest.mark.parametrize(("code", "factor"), [(0, 1), (1, 1000), (2, 1), (3, 0.001)])
def test_spacing_is_the_column_norms_in_mm(nifti, code, factor):
    path = nifti(np.ones((2, 2, 2), "f4"), affine=OBLIQUE, change={"xyzt_units": code})
    with NiftiReader(path) as reader:
        spacing = reader.header.spacing
    np.testing.assert_allclose(spacing, np.linalg.norm(OBLIQUE[:3, :3], axis=0) * factor, rtol=1e-6)


def test_extensions_are_kept(nifti):
    path = nifti(np.ones((2, 2, 2), "f4"), extensions=[Nifti1Extension(6, b"a note")])
    (extension,) = thrux.load(path).header.extensions
    assert extension.get_code() == 6
    assert bytes(extension.get_content()).rstrip(b"\0") == b"a note"


def test_a_gzip_file_under_a_plain_name_is_still_read(nifti):
    path = nifti(np.ones((2, 2, 2), "f4"), name="image.nii.gz")
    plain = path.rename(path.with_name("other.nii"))
    assert thrux.load(plain).shape == (2, 2, 2)


REFUSED = [
    ({"dim": {0: 0}}, "dim[0]", "rank must be 1 to 7"),
    ({"dim": {0: 8}}, "dim[0]", "rank must be 1 to 7"),
    ({"dim": {2: 0}}, "dim[2]", "at least 1"),
    ({"dim": {1: -5}}, "dim[1]", "at least 1"),
    ({"dim": {1: 30000}}, "dim", "declares 1440000 bytes"),
    ({"datatype": 32}, "datatype", "not read"),
    ({"datatype": 128}, "datatype", "not read"),
    ({"datatype": 3}, "datatype", "not read"),
    ({"bitpix": 8}, "bitpix", "has 32 bits"),
    ({"scl_slope": np.nan}, "scl_slope", "finite"),
    ({"scl_slope": np.inf}, "scl_slope", "finite"),
    ({"scl_inter": np.inf}, "scl_inter", "finite"),
    ({"pixdim": {1: 0}}, "pixdim[1]", "positive"),
    ({"pixdim": {3: -2}}, "pixdim[3]", "positive"),
    ({"pixdim": {2: np.nan}}, "pixdim[2]", "finite"),
    ({"vox_offset": 0}, "vox_offset", "byte 352 or later"),
    ({"vox_offset": 352.5}, "vox_offset", "byte 352"),
    ({"vox_offset": np.nan}, "vox_offset", "byte 352"),
    ({"vox_offset": 1e9}, "vox_offset", "not believed"),
    ({"vox_offset": 4096}, "dim", "from byte 4096"),
    ({"srow_x": {0: np.nan}}, "srow_x", "finite"),
    ({"srow_x": {0: 0}}, "affine", "length above 0"),
    ({"srow_x": {0: 1, 1: 1, 2: 0}, "srow_y": {0: 1, 1: 1, 2: 0}}, "affine", "one plane"),
    ({"sform_code": 77}, "sform_code", "0 to 5"),
    ({"qform_code": -1}, "qform_code", "0 to 5"),
    ({"sform_code": 0, "qform_code": 1, "quatern_b": 3}, "quatern", "orientation"),
    ({"sform_code": 0, "qform_code": 1, "pixdim": {0: 5}}, "pixdim[0]", "1 or -1"),
    ({"xyzt_units": 7}, "xyzt_units", "not one of"),
    ({"magic": b"ni1"}, "magic", "two files"),
    ({"magic": b"n+9"}, "magic", "carries"),
    ({"sizeof_hdr": 349}, "sizeof_hdr", "348 or 540"),
]


@pytest.mark.parametrize(("change", "field", "words"), REFUSED, ids=lambda x: str(x)[:30])
def test_a_wrong_header_is_refused_in_words(nifti, change, field, words):
    path = nifti(np.ones((2, 3, 4), "f4"), change=change)
    with pytest.raises(ThruxError) as caught:
        thrux.load(path)
    error = caught.value
    assert (error.file, error.field) == (str(path), field)
    assert error.value
    assert error.remedy
    assert words in str(error)
    assert str(path) in str(error)


@pytest.mark.parametrize("length", [0, 3, 100, 347, 350, 352, 400, 447])
@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz"])
def test_a_truncated_file_is_refused(nifti, length, name):
    path = nifti(np.ones((2, 3, 4), "f4"), trim=length, name=name)
    with pytest.raises(ThruxError, match=r"truncat|cut off|too few|end"):
        thrux.load(path)


@pytest.mark.parametrize("length", [5, 20, 60])
def test_a_truncated_gzip_stream_is_refused(nifti, rng, length):
    path = nifti(rng.random((2, 3, 4)), name="image.nii.gz")
    path.write_bytes(path.read_bytes()[:-length])
    with pytest.raises(ThruxError, match="cannot be read"):
        thrux.load(path)


def test_a_wrong_gzip_checksum_is_refused(nifti, rng):
    path = nifti(rng.random((2, 3, 4)), name="image.nii.gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    with pytest.raises(ThruxError, match="CRC"):
        thrux.load(path)


def test_what_is_no_file_is_refused(tmp_path):
    pipe = tmp_path / "pipe.nii"
    os.mkfifo(pipe)
    for path, words in [
        (tmp_path / "none.nii", "cannot be opened"),
        (tmp_path, "only regular files"),
        (pipe, "only regular files"),
        ("a\0b.nii", "cannot be opened"),
    ]:
        with pytest.raises(ThruxError, match=words):
            thrux.load(path)


@pytest.mark.parametrize(("size", "words"), [(4, "8 to"), (1 << 20, "8 to")])
def test_a_wrong_extension_size_is_refused(nifti, size, words):
    path = nifti(np.ones((2, 2, 2), "f4"), extensions=[Nifti1Extension(6, b"a note")])
    content = bytearray(path.read_bytes())
    content[352:356] = struct.pack("<i", size)
    path.write_bytes(content)
    with pytest.raises(ThruxError, match=words) as caught:
        thrux.load(path)
    assert caught.value.field == "esize"
