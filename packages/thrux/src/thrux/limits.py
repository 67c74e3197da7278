"""How much a file may ask for before it is refused."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

MIB = 2**20


def _half_of_memory() -> int:
    """Half of the machine's memory, or of the container's where that is less."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        total = 8 * 1024 * MIB
    with suppress(OSError, ValueError):  # no such limit, or "max"
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total // 2


@dataclass(frozen=True)
class Limits:
    """Bounds on what a file may declare.

    Attributes:
      memory: Bytes that reading may hold at a time. Default: half of the machine's memory.
      gzip_ratio: Declared bytes per compressed byte that are still believed; gzip itself ends near 1030.
      gzip_free: Declared bytes below which the ratio is not looked at, so that a mask that is nearly
        all zeros passes.
      extension: Bytes that a NIfTI header extension, or what follows the data of an MGH file, may take.
      xml: Bytes that a GIfTI file may take once decompressed.
      table: Bytes that a table in a text file may take, likewise.
    """

    memory: int = field(default_factory=_half_of_memory)
    gzip_ratio: int = 400
    gzip_free: int = 64 * MIB
    extension: int = 64 * MIB
    xml: int = 512 * MIB
    table: int = 64 * MIB
