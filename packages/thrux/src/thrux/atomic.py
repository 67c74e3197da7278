"""Output that is there whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from thrux.errors import ThruxError


@contextmanager
def atomic_output(path: str | os.PathLike[str], *, force: bool = False) -> Iterator[io.BufferedIOBase]:
    """A binary file to write, which takes the name `path` when the block ends without an error.

    The bytes go to a hidden file in the same folder, reach the disk, and only then is the name changed:
    a reader sees the old file or the new one, never half. After an error the hidden file is removed.

    Args:
      path: Where the output shall be. A symbolic link there is replaced, not followed.
      force: Replace a file that exists; its permission bits are kept.
    Raises:
      ThruxError: If the folder is missing or not writable, if the file exists and `force` is False, or if
        writing fails.
    """
    target = Path(path)
    refuse_existing(target, force=force)
    partial = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        # The mode is narrowed by the umask, as for any new file.
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except OSError as error:
        raise _failure(target, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if force and target.is_file() and not target.is_symlink():
            os.chmod(partial, target.stat().st_mode & 0o7777)
        _give_name(partial, target, force=force)
    except OSError as error:
        raise _failure(target, error) from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(partial)


def refuse_existing(target: Path, *, force: bool) -> None:
    """Refuse a target that cannot or must not be written, before any work is done."""
    if not target.parent.is_dir():
        raise ThruxError(
            f"the folder {target.parent} does not exist",
            file=target,
            field="output",
            remedy="Create the folder first",
        )
    if target.is_dir():
        raise ThruxError("it is a folder", file=target, field="output", remedy="Name a file in it")
    if not force and os.path.lexists(target):
        raise _exists(target)


def _give_name(partial: Path, target: Path, *, force: bool) -> None:
    """Rename; without force by a hard link, which fails if the name has come into being meanwhile."""
    if not force:
        try:
            os.link(partial, target)
        except FileExistsError:
            raise _exists(target) from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EMLINK):
                raise
            os.replace(partial, target)  # a file system without hard links
    else:
        os.replace(partial, target)
    with suppress(OSError):  # not every system lets a folder be synchronised
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _exists(target: Path) -> ThruxError:
    return ThruxError(
        "the file exists and is left as it is",
        file=target,
        field="output",
        remedy="Choose another name, or replace it with --force (force=True)",
    )


def _failure(target: Path, error: OSError) -> ThruxError:
    return ThruxError(
        f"it cannot be written ({error.strerror or error})",
        file=target,
        field="output",
        remedy="Check the free space and that you may write in this folder",
    )
