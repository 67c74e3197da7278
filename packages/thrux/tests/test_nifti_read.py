"""Reading: right in every kind of file, refused in words in every wrong one."""

import gzip
import os
import struct
import tracemalloc

import nibabel
import numpy as np
import pytest
import thrux
from nibabel.nifti1 import Nifti1Extension
from thrux import Limits, NiftiReader, ThruxError
from thrux.source import ByteSource

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


@pytest.fixture
def counted(monkeypatch):
    """Counts the bytes that are read, decompressed."""
    total = [0]
    read = ByteSource._read_some

    def counting(self, count):
        part = read(self, count)
        total[0] += len(part)
        return part

    monkeypatch.setattr(ByteSource, "_read_some", counting)
    return total


def test_a_bomb_is_refused_from_its_header(tmp_path, counted):
    # Four honest gigabytes of zeros in four megabytes: gzip members may be strung together.
    header = nibabel.Nifti1Header()
    header.set_data_dtype("u1")
    header.set_data_shape((1024, 1024, 1024, 4))
    header["vox_offset"], header["magic"] = 352, b"n+1"
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4)) + 4096 * gzip.compress(bytes(2**20)))
    assert path.stat().st_size < 5e6
    with pytest.raises(ThruxError, match=r"a ratio of \d+ where 400 is the limit") as caught:
        thrux.load(path)
    assert caught.value.field == "gzip ratio"
    assert counted[0] <= 348
    with pytest.raises(ThruxError, match="MiB of memory"):
        thrux.load(path, limits=Limits(gzip_ratio=2000, memory=2**30))
    assert counted[0] <= 2 * 352


def test_reading_stops_at_the_declared_size(nifti, counted):
    path = nifti(np.ones((2, 3, 4), "f4"))
    path.write_bytes(gzip.compress(path.read_bytes() + bytes(10**7)))
    assert thrux.load(path).shape == (2, 3, 4)
    assert counted[0] <= 352 + 96 + 2**16


def test_a_mask_of_nearly_all_zeros_passes(tmp_path):
    mask = np.zeros((128, 128, 64), "u1")
    mask[5, 5, 5] = 1
    path = tmp_path / "mask.nii.gz"
    nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), path)
    assert mask.nbytes / path.stat().st_size > 150
    assert thrux.load(path).get_fdata().sum() == 1


def test_a_file_over_the_memory_limit_is_refused(nifti):
    path = nifti(np.ones((20, 20, 20), "f4"))
    with pytest.raises(ThruxError, match=r"may be used.*Limits") as caught:
        thrux.load(path, limits=Limits(memory=50_000))
    assert caught.value.value == "20 x 20 x 20"


def test_volumes_come_one_by_one(nifti, rng):
    values = rng.normal(size=(16, 16, 16, 40)).astype("f4")
    path = nifti(values)
    one = values[..., 0].nbytes
    tracemalloc.start()
    try:
        with NiftiReader(path) as reader:
            for number, volume in enumerate(reader.volumes()):
                np.testing.assert_array_equal(volume, values[..., number])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert number == 39
    assert peak < 12 * one
