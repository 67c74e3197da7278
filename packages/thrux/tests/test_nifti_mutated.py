"""Damaged copies of real files: each is refused by the one exception, or read as nibabel reads it."""

import gzip
import warnings

import nibabel
import numpy as np
import pytest
import thrux
from thrux import Limits, ThruxError

NAMES = ("anatomical.nii", "functional.nii", "example_nifti2.nii.gz", "standard.nii.gz")
LIMITS = Limits(memory=256 * 2**20)


def mutate(content, rng):
    """One kind of damage, mostly to the header."""
    data = bytearray(content)
    header = min(len(data), 348)
    kind = rng.integers(6)
    if kind == 0:  # single bits of the header
        for at in rng.integers(header, size=rng.integers(1, 4)):
            data[at] ^= 1 << rng.integers(8)
    elif kind == 1:  # random bytes in the header
        for at in rng.integers(header, size=rng.integers(1, 9)):
            data[at] = rng.integers(256)
    elif kind == 2:  # sizes, types, offsets, scaling, magic: extreme values in aligned words
        at = int(rng.choice([40, 42, 44, 46, 48, 70, 72, 76, 80, 84, 108, 112, 116, 252, 254, 256, 280, 344]))
        data[at : at + 2] = rng.choice(np.array([0, 1, 0x7F, 0x7FFF, 0x8000, 0xFFFF], "<u2")).tobytes()
    elif kind == 3:  # truncation
        del data[int(rng.integers(len(data))) :]
    elif kind == 4:  # anything anywhere
        for at in rng.integers(len(data), size=4):
            data[at] = rng.integers(256)
    else:  # special floats
        at = int(rng.choice([76, 80, 84, 88, 108, 112, 116, 256, 260, 264, 268, 280, 284, 300, 312]))
        data[at : at + 4] = rng.choice(
            np.array([np.nan, np.inf, -1, 0, 1e38], rng.choice(["<f4", ">f4"]))
        ).tobytes()
    return bytes(data)


def attempt(path):
    try:
        return thrux.load(path, limits=LIMITS)
    except ThruxError as error:
        return error


def check(path, content):
    path.write_bytes(content)
    image = attempt(path)
    if isinstance(image, ThruxError):
        assert image.file == str(path)
        assert all((image.field, image.value, image.problem, image.remedy))
        return False
    values = np.asarray(image.dataobj)
    assert values.size > 0
    assert np.isfinite(image.affine).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = nibabel.load(path).get_fdata()
        except Exception:
            return True  # nibabel is pickier in places, for instance about extensions
        # float32 is right to its rounding of the largest value: slope and intercept may cancel.
        largest = np.abs(expected[np.isfinite(expected)]).max(initial=0)
        np.testing.assert_allclose(image.get_fdata(), expected, rtol=2e-6, atol=1e-6 * largest)
    return True


def run(example, tmp_path, count, seed):
    rng = np.random.default_rng(seed)
    read = 0
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        content = example(name).read_bytes()
        packed = name.endswith(".gz")
        if packed and rng.random() < 0.6:  # damage inside the compressed stream's content
            content = gzip.compress(mutate(gzip.decompress(content), rng), compresslevel=1, mtime=0)
        else:
            content = mutate(content, rng)
        read += check(tmp_path / ("mutated.nii.gz" if packed else "mutated.nii"), content)
    assert 0.05 * count < read < 0.8 * count  # the damage is neither hopeless nor harmless


@pytest.mark.fast
def test_damaged_files_are_refused_or_read_right(example, tmp_path):
    run(example, tmp_path, 400, seed=0)


@pytest.mark.slow
def test_many_damaged_files_are_refused_or_read_right(example, tmp_path):
    run(example, tmp_path, 10_000, seed=1)


@pytest.mark.parametrize("name", ["nifti1.hdr", "nifti2.hdr", "analyze.hdr", "row_major.dconn.nii"])
def test_other_examples_are_refused_or_read(example, name):
    if name == "row_major.dconn.nii":
        assert thrux.load(example(name)).shape == (1, 1, 1, 1, 10, 10)
    else:
        with pytest.raises(ThruxError, match=r"two files|declares"):
            thrux.load(example(name))
