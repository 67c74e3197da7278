"""A file is there whole or not at all."""

import errno
import os
import signal
import stat
import subprocess
import sys

import pytest
from thrux import ThruxError
from thrux.atomic import atomic_output

pytestmark = pytest.mark.fast


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
