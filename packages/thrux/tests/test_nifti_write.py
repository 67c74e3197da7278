"""Writing: what is kept, and that a file is there whole or not at all."""

import errno
import os
import signal
import stat
import subprocess
import sys

import nibabel
import numpy as np
import pytest
import thrux
from thrux import NiftiReader, NiftiWriter, ThruxError
from thrux.atomic import atomic_output

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


def write(path, content=b"new", **options):
    with atomic_output(path, **options) as stream:
        stream.write(content)


def test_nothing_is_overwritten_without_force(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(ThruxError, match=r"exists and is left as it is.*--force"):
        write(path)
    assert path.read_bytes() == b"old"
    write(path, force=True)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_appears_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "a"

    def write_slowly():
        with atomic_output(path) as stream:
            stream.write(b"new")
            path.write_bytes(b"from elsewhere")

    with pytest.raises(ThruxError, match="exists"):
        write_slowly()
    assert path.read_bytes() == b"from elsewhere"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(ThruxError, match=r"folder .* does not exist.*Create the folder"):
        write(tmp_path / "none" / "a")
    with pytest.raises(ThruxError, match="it is a folder"):
        write(tmp_path, force=True)


def test_permission_bits_are_those_of_a_new_file_or_of_the_old_one(tmp_path):
    mask = os.umask(0o027)
    try:
        write(tmp_path / "new")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    write(tmp_path / "new", force=True)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ThruxError, match="exists"):
        write(tmp_path / "link")
    write(tmp_path / "link", force=True)
    assert (tmp_path / "elsewhere").read_bytes() == b"old"
    assert (tmp_path / "link").read_bytes() == b"new"
    assert not (tmp_path / "link").is_symlink()


def test_without_hard_links_a_name_is_still_given(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "link", link)
    write(tmp_path / "a")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failing_disk_leaves_the_old_file(tmp_path, monkeypatch, function):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(ThruxError, match=r"cannot be written \(No space left"):
        write(path, force=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_nothing(tmp_path, kind):
    def write_half():
        with atomic_output(tmp_path / "a") as stream:
            stream.write(b"half")
            raise kind

    with pytest.raises(kind):
        write_half()
    assert list(tmp_path.iterdir()) == []


# A writer that ends itself without any clean-up: at a call of os.<name>, or when so many bytes are written.
KILLED = """
import os, signal, sys
from thrux.atomic import atomic_output
path, point, force = sys.argv[1], sys.argv[2], sys.argv[3] == "force"
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
if not point.isdigit():
    setattr(os, point, die)
with atomic_output(path, force=force) as stream:
    for number in range(64):
        if point == str(number):
            die()
        stream.write(bytes([number]) * 4096)
        stream.flush()
die()
"""
WHOLE = b"".join(bytes([number]) * 4096 for number in range(64))


def killed(path, point, force):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path), str(point), force], check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("point", "force", "expected"),
    [
        ("0", "force", b"old"),
        ("31", "force", b"old"),
        ("fsync", "force", b"old"),
        ("replace", "force", b"old"),
        ("end", "force", WHOLE),
        ("31", "no", None),
        ("link", "no", None),
        ("unlink", "no", WHOLE),
    ],
)
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path, point, force, expected):
    path = tmp_path / "a"
    if force == "force":
        path.write_bytes(b"old")
    killed(path, point, force)
    assert (path.read_bytes() if path.exists() else None) == expected


@pytest.mark.slow
def test_a_writer_killed_at_200_random_moments(tmp_path, rng):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    points = [str(n) for n in range(64)] + ["fsync", "replace", "chmod", "open"]
    for point in rng.choice(points, 200):
        killed(path, point, "force")
        assert path.read_bytes() == b"old"
