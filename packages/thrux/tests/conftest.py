"""What the tests of thrux share."""

import gzip
from pathlib import Path

import jax
import jaxtyping
import nibabel
import numpy as np
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")

EXAMPLES = Path(nibabel.__file__).parent / "tests" / "data"


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def unchecked():
    """Switch the run-time check of annotations off, to read the package's own words."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def example():
    """The path of one of nibabel's example files."""
    return lambda name: EXAMPLES / name


@pytest.fixture
def nifti(tmp_path):
    """Writes a NIfTI file by nibabel and then sets single header fields; returns the path."""

    def write(
        values, *, affine=None, version=1, order="<", name="image.nii", change=None, extensions=(), trim=None
    ):
        kind = {1: nibabel.Nifti1Image, 2: nibabel.Nifti2Image}[version]
        header = kind.header_class(endianness=order)
        header.set_data_dtype(values.dtype)
        header.extensions.extend(extensions)
        data = bytearray(kind(values, np.eye(4) if affine is None else affine, header).to_bytes())
        size = 348 if version == 1 else 540
        raw = kind.header_class(bytes(data[:size]), endianness=order, check=False)
        for field, value in (change or {}).items():
            if isinstance(value, dict):
                for index, item in value.items():
                    raw[field][index] = item
            else:
                raw[field] = value
        data[:size] = raw.binaryblock
        path = tmp_path / name
        content = bytes(data if trim is None else data[:trim])
        path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
        return path

    return write
