"""Which part of the brain a file is about: by CIFTI's names, such as CORTEX_LEFT."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

LEFT, RIGHT = "CORTEX_LEFT", "CORTEX_RIGHT"
_NAMES = {
    LEFT: re.compile(r"^lh\.|[._-](lh|L|left)([._-]|$)|hemi-L|^left[._-]"),
    RIGHT: re.compile(r"^rh\.|[._-](rh|R|right)([._-]|$)|hemi-R|^right[._-]"),
}


def structure_of(path: str | os.PathLike[str], metadata: Iterable[dict[str, str]] = ()) -> str:
    """What the metadata say, else what the name of the file says, else ""."""
    for entries in metadata:
        named = entries.get("AnatomicalStructurePrimary", "")
        if named:
            return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", named).upper()
    found = [structure for structure, pattern in _NAMES.items() if pattern.search(Path(path).name)]
    return found[0] if len(found) == 1 else ""
