"""What a file may ask for: bombs, memory, reading no more than was declared."""

import gzip
import tracemalloc

import nibabel
import numpy as np
import pytest
import thrux
from thrux import Limits, NiftiReader, ThruxError
from thrux.source import ByteSource

pytestmark = pytest.mark.fast


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
    equal = np.testing.assert_array_equal  # NumPy imports it when it is asked for, which is not to be traced
    tracemalloc.start()
    try:
        with NiftiReader(path) as reader:
            for number, volume in enumerate(reader.volumes()):
                equal(volume, values[..., number])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert number == 39
    assert peak < 12 * one
