"""GIfTI surfaces: read right, or refused in words."""

import base64
import gzip
import zlib
from importlib import resources

import nibabel
import numpy as np
import pytest
from thrux import Limits, ThruxError, load_scalars, load_surface

pytestmark = pytest.mark.fast
VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "f4")
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], "i4")


def array(
    values, intent, *, encoding="GZipBase64Binary", endian="LittleEndian", order="RowMajorOrder", **change
):
    """One DataArray element as text."""
    stored = values.astype(values.dtype.newbyteorder("<" if endian == "LittleEndian" else ">"))
    raw = stored.tobytes("C" if order.startswith("Row") else "F")
    data = {
        "ASCII": lambda: " ".join(map(str, values.ravel("C" if order.startswith("Row") else "F").tolist())),
        "Base64Binary": lambda: base64.b64encode(raw).decode(),
        "GZipBase64Binary": lambda: base64.b64encode(zlib.compress(raw)).decode(),
    }[encoding]()
    names = {"f4": "NIFTI_TYPE_FLOAT32", "i4": "NIFTI_TYPE_INT32"}
    attributes = {
        "Intent": intent,
        "DataType": names[values.dtype.str[1:]],
        "ArrayIndexingOrder": order,
        "Dimensionality": values.ndim,
        **{f"Dim{axis}": n for axis, n in enumerate(values.shape)},
        "Encoding": encoding,
        "Endian": endian,
        **change,
    }
    words = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f"<DataArray {words}><Data>{data}</Data></DataArray>"


def surface(vertices=VERTICES, faces=FACES, *, before="", **options):
    points = array(vertices, "NIFTI_INTENT_POINTSET", **options)
    return f'<?xml version="1.0"?>{before}<GIFTI>{points}{array(faces, "NIFTI_INTENT_TRIANGLE")}</GIFTI>'


@pytest.fixture
def written(tmp_path):
    def write(text, name="a.surf.gii"):
        path = tmp_path / name
        content = text.encode() if isinstance(text, str) else text
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.mark.parametrize("encoding", ["ASCII", "Base64Binary", "GZipBase64Binary"])
@pytest.mark.parametrize("endian", ["LittleEndian", "BigEndian"])
@pytest.mark.parametrize("order", ["RowMajorOrder", "ColumnMajorOrder"])
def test_every_encoding_is_read(written, encoding, endian, order):
    path = written(surface(encoding=encoding, endian=endian, order=order))
    found = load_surface(path)
    np.testing.assert_array_equal(found.vertices, VERTICES)
    np.testing.assert_array_equal(found.faces, FACES)
    assert (found.vertices.dtype, found.faces.dtype) == (np.float32, np.int32)


@pytest.mark.parametrize("name", ["white_left", "pial_right"])
def test_a_real_surface_is_read_as_nibabel_reads_it(name):
    path = resources.files("nilearn.datasets") / "data" / "fsaverage5" / f"{name}.gii.gz"
    found, expected = load_surface(path), nibabel.load(path)
    np.testing.assert_array_equal(found.vertices, expected.agg_data("pointset"))
    np.testing.assert_array_equal(found.faces, expected.agg_data("triangle"))


def test_scalars_are_read():
    path = resources.files("nilearn.datasets") / "data" / "fsaverage5" / "sulc_left.gii.gz"
    np.testing.assert_array_equal(load_scalars(path), nibabel.load(path).agg_data())
    with pytest.raises(ThruxError, match="exactly one array of this kind"):
        load_surface(path)


LAUGHS = "<!DOCTYPE GIFTI [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED = {
    "entities": (surface(before=LAUGHS + "]>").replace("<Data>", "<Data>&i;", 1), "defining entities"),
    "outside": (
        surface(before="<!DOCTYPE GIFTI [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>").replace(
            "<Data>", "<Data>&x;", 1
        ),
        "defining entities",
    ),
    "external data": (
        surface(Encoding="ExternalFileBinary", ExternalFileName="/etc/hostname"),
        "must be one of",
    ),
    "type": (surface(DataType="NIFTI_TYPE_COMPLEX64"), "must be one of"),
    "order": (surface(ArrayIndexingOrder="Spiral"), "must be one of"),
    "endian": (surface(Endian="Middle"), "must be one of"),
    "rank": (surface(Dimensionality=0), "whole number from 1 to 6"),
    "negative": (surface(Dim0=-4), "whole number"),
    "huge": (surface(Dim0=10**10, Dim1=10**4), "more than 1024 MiB"),
    "more": (surface(Dim0=5), "60 bytes are declared"),
    "fewer": (surface(Dim0=3), "36 bytes are declared"),
    "ascii": (surface(encoding="ASCII", Dim0=5), "15 values are declared"),
    "columns": (surface(Dimensionality=1, Dim0=12), "three columns"),
    "nan": (surface(np.where(VERTICES == 1, np.nan, VERTICES).astype("f4")), "vertex 1 are not finite"),
    "index": (surface(faces=FACES + 1), "outside 0 to 3"),
    "negative index": (surface(faces=FACES - 1), "outside 0 to 3"),
    "float faces": (surface(faces=FACES.astype("f4")), "must be integers"),
    "deep": ("<GIFTI>" + "<a>" * 100 + "</a>" * 100 + "</GIFTI>", "nested deeper"),
    "root": ("<svg></svg>", "outermost element"),
    "empty": ("", "cannot be parsed"),
    "cut": (surface()[:-20], "cannot be parsed"),
    "base64": (surface().replace("<Data>", "<Data>!!", 1), "cannot be decoded"),
    "no data": (surface().replace("<Data>", "<Other>").replace("</Data>", "</Other>"), "no data"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_file_is_refused_in_words(written, name):
    text, words = REFUSED[name]
    path = written(text)
    with pytest.raises(ThruxError, match=words) as caught:
        load_surface(path, limits=Limits(memory=2**30))
    error = caught.value
    assert error.file == str(path)
    assert all((error.field, error.value, error.remedy))


def test_a_bomb_is_refused(written):
    bomb = base64.b64encode(zlib.compress(bytes(10**7))).decode()
    text = surface().replace("<Data>", f"<Data>{bomb}</Data><Data>", 1)
    with pytest.raises(ThruxError, match="48 bytes are declared"):
        load_surface(written(text))
    packed = written(surface() + " " * 10**6, name="a.surf.gii.gz")
    with pytest.raises(ThruxError, match="more than 0 MiB of XML"):
        load_surface(packed, limits=Limits(xml=10**5))


def attempt(load, path, **options):
    try:
        return load(path, **options)
    except ThruxError as error:
        return error


def damaged(count, seed, path):
    rng = np.random.default_rng(seed)
    content, read = surface().encode(), 0
    for _ in range(count):
        data = bytearray(content)
        if rng.random() < 0.15:
            del data[int(rng.integers(len(data))) :]
        else:
            for at in rng.integers(len(data), size=rng.integers(1, 4)):
                data[at] = rng.integers(256) if rng.random() < 0.5 else data[at] ^ 1 << rng.integers(7)
        path.write_bytes(data)
        found = attempt(load_surface, path, limits=Limits(memory=2**28))
        if isinstance(found, ThruxError):
            assert all((found.file, found.field, found.value, found.remedy))
            continue
        read += 1
        assert found.vertices.size > 0
        assert found.faces.max() < len(found.vertices)
    assert 0 < read < count


def test_damaged_files_are_refused_or_read(tmp_path):
    damaged(300, 0, tmp_path / "a.gii")


@pytest.mark.slow
def test_many_damaged_files_are_refused_or_read(tmp_path):
    damaged(2000, 1, tmp_path / "a.gii")
