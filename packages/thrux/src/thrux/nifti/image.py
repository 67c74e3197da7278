"""NIfTI files as nibabel images."""

from __future__ import annotations

import math
import os
import struct
from contextlib import ExitStack

import nibabel
import numpy as np
from nibabel.fileholders import FileHolder
from nibabel.nifti1 import Nifti1Extension

from thrux.errors import ThruxError
from thrux.limits import Limits
from thrux.nifti.header import NiftiHeader
from thrux.nifti.reader import NiftiReader, scaled
from thrux.nifti.writer import check_name, open_output


def load(path: str | os.PathLike[str], *, limits: Limits | None = None) -> nibabel.Nifti1Image:
    """Read a NIfTI file, as untrusted input, into a nibabel image that holds its values in memory.

    Differs from `nibabel.load`: the header is validated first and never silently mended, the data are read
    at once, and all failures are one exception. Two-file images (.hdr/.img) are refused.

    Args:
      path: A `.nii` or `.nii.gz` file, NIfTI-1 or NIfTI-2, either byte order.
      limits: What the file may ask for. Default: `Limits()`.
    Returns:
      The image, with the file's affine, header and extensions. Its array has the type on disk; where the
      file scales its values it has float32 if these are integers of up to 16 bits, else float64.
    Raises:
      ThruxError: If the file is refused; it names file, field, value and remedy.
    Example:
      >>> from nibabel.testing import data_path
      >>> load(data_path / "example4d.nii.gz").shape
      (128, 96, 24, 2)
    """
    with NiftiReader(path, limits=limits) as reader:
        header = reader.header
        dtype = header.dtype.newbyteorder("=")
        if header.scaled:
            dtype = _scaled_dtype(header)
        reader.check_memory(math.prod(header.shape) * dtype.itemsize + header.data_bytes)
        values = reader.raw()
    if header.scaled:
        values = scaled(values, header, dtype)
    elif values.dtype != dtype:
        values = values.astype(dtype, order="F")
    kind = nibabel.Nifti2Image if isinstance(header.raw, nibabel.Nifti2Header) else nibabel.Nifti1Image
    kept = header.raw.as_byteswapped("=") if hasattr(header.raw, "as_byteswapped") else header.raw
    kept.extensions.extend(_extensions(header))
    kept.set_data_dtype(dtype)
    kept["scl_slope"], kept["scl_inter"] = np.nan, np.nan  # in memory: what nibabel calls "not scaled"
    return kind(values, header.affine, kept)


def save(image: nibabel.Nifti1Image, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write a nibabel image atomically: the old file or the new one, never half.

    Args:
      image: A NIfTI-1 or NIfTI-2 image.
      path: A name that ends in `.nii` or `.nii.gz`.
      force: Replace a file that exists.
    Raises:
      ThruxError: If the name, the folder or an existing file forbids it.
      TypeError: If `image` is not a NIfTI image.
    """
    if not isinstance(image, nibabel.Nifti1Image):
        raise TypeError(
            f"save: image is {type(image).__name__}, not a NIfTI image; "
            "convert it with nibabel.Nifti1Image.from_image(image)."
        )
    with ExitStack() as stack:
        stream = open_output(stack, check_name(path), force=force)
        # A new image object, so that the caller's does not come to believe that it lives in our stream.
        copy = type(image)(image.dataobj, image.affine, image.header)
        copy.to_file_map({"image": FileHolder(fileobj=stream)})


def _scaled_dtype(header: NiftiHeader) -> np.dtype:
    """float32 where that surely holds the scaled values: integers of 16 bits with a usual slope."""
    largest = abs(header.slope) * 2**16 + abs(header.intercept)
    small = header.dtype.kind in "iu" and header.dtype.itemsize <= 2 and largest < 1e38
    return np.dtype(np.float32 if small else np.float64)


def _extensions(header: NiftiHeader) -> list[Nifti1Extension]:
    """The header extensions: four flag bytes, then (size, code, content) until the data start."""
    block, found = header.extension, []
    if block[0] == 0:
        return []
    at = 4
    while at + 8 <= len(block):
        size, code = struct.unpack_from(header.raw.endianness + "ii", block, at)
        if size == 0:
            break
        if size < 8 or at + size > len(block):
            raise ThruxError(
                f"a header extension must take 8 to {len(block) - at} bytes",
                file=header.path,
                field="esize",
                value=size,
                remedy="Remove the extension with the program that wrote it",
            )
        found.append(Nifti1Extension(code, block[at + 8 : at + size]))
        at += size
    return found
