"""Maps on surfaces: GIfTI, CIFTI-2 and MGH files and FreeSurfer's surfaces, read right or refused in words."""

import gzip
import os
from importlib import resources

import nibabel
import numpy as np
import pytest
from nibabel import cifti2
from thrux import Limits, ThruxError, load_maps, load_surface
from thrux.maps.structure import structure_of

pytestmark = pytest.mark.fast
VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "f4")
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], "i4")


@pytest.fixture
def metric(tmp_path, rng):
    """A GIfTI file with two maps and metadata, by nibabel."""
    arrays = [
        nibabel.gifti.GiftiDataArray(rng.normal(size=4).astype("f4"), intent="estimate", meta={"Name": name})
        for name in ("one", "two & <three>")
    ]
    meta = nibabel.gifti.GiftiMetaData(AnatomicalStructurePrimary="CortexRight", TimeStep="720.0")
    path = tmp_path / "a.func.gii"
    nibabel.save(nibabel.GiftiImage(darrays=arrays, meta=meta), path)
    return path


@pytest.fixture
def cifti(tmp_path, rng):
    """Writes a CIFTI file with two cortices and a volume; returns path and axes."""

    def write(series=False, name=None, change=None, affine=None):
        left, right = (rng.random(n) < 0.7 for n in (12, 11))
        affine = np.diag([2.0, 2, 2, 1]) if affine is None else affine
        models = cifti2.BrainModelAxis.from_mask(left, "CORTEX_LEFT")
        models = models + cifti2.BrainModelAxis.from_mask(np.ones((2, 2, 1), bool), "THALAMUS_LEFT", affine)
        models = models + cifti2.BrainModelAxis.from_mask(right, "CORTEX_RIGHT")
        maps = cifti2.SeriesAxis(0, 0.72, 5) if series else cifti2.ScalarAxis(list("abcde"))
        image = nibabel.Cifti2Image(rng.normal(size=(5, len(models))).astype("f4"), (maps, models))
        image.update_headers()
        path = tmp_path / (name or ("a.dtseries.nii" if series else "a.dscalar.nii"))
        nibabel.save(image, path)
        if change:
            content = path.read_bytes()
            old, new = (text.encode() for text in change)
            assert old in content
            assert len(old) == len(new)
            path.write_bytes(content.replace(old, new, 1))
        return path, (maps, models), (left, right)

    return write


@pytest.fixture
def mgh(tmp_path, rng):
    def write(shape=(4, 1, 1, 3), dtype="f4", name="lh.a.mgh", trim=None, change=None):
        path = tmp_path / name
        values = (10 * rng.normal(size=shape)).astype(dtype)
        nibabel.save(nibabel.MGHImage(values, np.eye(4)), path)
        content = bytearray(gzip.decompress(path.read_bytes()) if name.endswith("z") else path.read_bytes())
        for at, value in (change or {}).items():
            content[at : at + 4] = np.array(value, ">i4").tobytes()
        content = bytes(content[:trim])
        path.write_bytes(gzip.compress(content) if name.endswith("z") else content)
        return path, values

    return write


def test_gifti_maps_are_read_and_written_with_their_metadata(metric, tmp_path):
    found = load_maps(metric)
    expected = nibabel.load(metric)
    (part,) = found.parts
    assert (part.structure, part.n_vertices, found.n_maps) == ("CORTEX_RIGHT", 4, 2)
    np.testing.assert_array_equal(part.values, np.stack(expected.agg_data(), axis=1))
    found.save(tmp_path / "b.func.gii", [2 * part.values])
    written = nibabel.load(tmp_path / "b.func.gii")
    assert dict(written.meta) == dict(expected.meta)
    for new, old in zip(written.darrays, expected.darrays, strict=True):
        assert dict(new.meta) == dict(old.meta)
        assert new.intent == old.intent
        assert new.data.dtype == np.float32
        np.testing.assert_array_equal(new.data, 2 * old.data)
    found.save(tmp_path / "c.func.gii.gz", [part.values])
    np.testing.assert_array_equal(load_maps(tmp_path / "c.func.gii.gz").parts[0].values, part.values)


def test_one_array_may_hold_a_series(tmp_path, rng):
    values = rng.normal(size=(4, 6))
    array = nibabel.gifti.GiftiDataArray(values.astype("f4"), intent="time series")
    nibabel.save(nibabel.GiftiImage(darrays=[array]), tmp_path / "a.func.gii")
    found = load_maps(tmp_path / "a.func.gii")
    np.testing.assert_array_equal(found.parts[0].values, values.astype("f4"))
    found.save(tmp_path / "b.func.gii", [-found.parts[0].values])
    assert nibabel.load(tmp_path / "b.func.gii").darrays[0].data.shape == (4, 6)


def test_arrays_that_are_no_maps_are_refused(tmp_path):
    path = resources.files("nilearn.datasets") / "data" / "fsaverage5" / "white_left.gii.gz"
    with pytest.raises(ThruxError, match="one value, or one series"):
        load_maps(path)
    arrays = [nibabel.gifti.GiftiDataArray(np.ones(n, "f4"), intent="shape") for n in (3, 4)]
    nibabel.save(nibabel.GiftiImage(darrays=arrays), tmp_path / "a.gii")
    with pytest.raises(ThruxError, match=r"2 arrays of \[3, 4\] vertices"):
        load_maps(tmp_path / "a.gii")


@pytest.mark.parametrize("series", [False, True])
def test_cifti_is_read_by_structure_and_written_with_its_axes(cifti, tmp_path, series):
    path, axes, masks = cifti(series)
    found = load_maps(path)
    matrix = nibabel.load(path).get_fdata()
    assert [part.structure for part in found.parts] == ["CORTEX_LEFT", "CORTEX_RIGHT"]
    assert found.others == ("THALAMUS_LEFT",)
    kept = {name: matrix[:, at] for name, at, _ in axes[1].iter_structures()}
    for part, mask in zip(found.parts, masks, strict=True):
        assert part.n_vertices == len(mask)
        np.testing.assert_array_equal(part.vertices, np.flatnonzero(mask))
        np.testing.assert_array_equal(part.values.T, kept[f"CIFTI_STRUCTURE_{part.structure}"])
    name = "b.dtseries.nii" if series else "b.dscalar.nii"
    found.save(tmp_path / name, [found.parts[0].values, 2 * found.parts[1].values])
    written = nibabel.load(tmp_path / name)
    assert all(written.header.get_axis(n) == axes[n] for n in (0, 1))
    expected = matrix.copy()
    expected[:, -int(masks[1].sum()) :] *= 2
    np.testing.assert_allclose(written.get_fdata(), expected, rtol=1e-6)
    with pytest.raises(ThruxError, match="whose name ends in"):
        found.save(tmp_path / "b.nii", [part.values for part in found.parts])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('IndexOffset="0"', 'IndexOffset="1"'), "must not overlap or gape"),
        (('SurfaceNumberOfVertices="12"', 'SurfaceNumberOfVertices="02"'), "the vertices 0 to 1"),
        (('SurfaceNumberOfVertices="12"', 'SurfaceNumberOfVertices="-2"'), "whole number from 1"),
        (("MODEL_TYPE_SURFACE", "MODEL_TYPE_SURFICE"), "surface or of voxels"),
        (("<VertexIndices>", "<VertexIndexes>"), "cannot be parsed"),
        (('CIFTI Version="2', 'CIFTI Version="3'), "only CIFTI version 2"),
        (("CIFTI_INDEX_TYPE_SCALARS", "CIFTI_INDEX_TYPE_PARCELS"), "only dense scalars"),
        (('AppliesToMatrixDimension="1"', 'AppliesToMatrixDimension="0"'), "dimensions 0 and 1"),
        (("<NamedMap>", "<NomedMop>"), "cannot be parsed"),
        (("<CIFTI ", "<!ELEM "), "cannot be parsed"),
    ],
)
def test_a_wrong_cifti_header_is_refused_in_words(cifti, change, words):
    path, _, _ = cifti(change=change)
    with pytest.raises(ThruxError, match=words) as caught:
        load_maps(path)
    assert caught.value.file == str(path)
    assert all((caught.value.field, caught.value.value, caught.value.remedy))


def test_other_niftis_are_refused(nifti, example):
    with pytest.raises(ThruxError, match=r"not a CIFTI-2 file.*thrux smooth"):
        load_maps(nifti(np.ones((2, 2, 2), "f4")))
    with pytest.raises(ThruxError, match="only dense scalars"):
        load_maps(example("row_major.dconn.nii"))


@pytest.mark.parametrize("name", ["lh.a.mgh", "rh.a.mgz"])
@pytest.mark.parametrize("dtype", ["f4", "i4", "i2", "u1"])
def test_mgh_is_read_and_written(mgh, tmp_path, name, dtype):
    path, values = mgh(dtype=dtype, name=name)
    found = load_maps(path)
    assert found.parts[0].structure == ("CORTEX_LEFT" if name.startswith("lh") else "CORTEX_RIGHT")
    np.testing.assert_array_equal(found.parts[0].values, values[:, 0, 0].astype("f4"))
    found.save(tmp_path / "b.mgz", [found.parts[0].values + 0.5])
    written = nibabel.load(tmp_path / "b.mgz")
    assert written.get_data_dtype() == np.dtype(">f4")
    np.testing.assert_array_equal(written.get_fdata()[:, 0, 0], values[:, 0, 0] + 0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shape": (4, 3, 1, 2)}, "an image of voxels"),
        ({"trim": 300}, "48 bytes of data are declared"),
        ({"trim": 100}, "284 bytes of header"),
        ({"trim": 300, "name": "a.mgz"}, "file ends after"),
        ({"change": {0: 2}}, "starts with 1"),
        ({"change": {4: -4}}, "at least 1"),
        ({"change": {4: 2**31 - 1}}, "bytes of data are declared"),
        ({"change": {4: 2**30}, "name": "a.mgz"}, "400 is the limit"),
        ({"change": {20: 2}}, "only uint8, int16, int32 and float32"),
    ],
)
def test_a_wrong_mgh_is_refused_in_words(mgh, options, words):
    path, _ = mgh(**options)
    with pytest.raises(ThruxError, match=words) as caught:
        load_maps(path)
    assert caught.value.file == str(path)
    assert all((caught.value.field, caught.value.value, caught.value.remedy))


def test_limits_on_mgh(mgh):
    path, _ = mgh()
    with pytest.raises(ThruxError, match="more memory than may be used"):
        load_maps(path, limits=Limits(memory=50))
    path.write_bytes(path.read_bytes() + bytes(2000))
    assert load_maps(path).n_maps == 3
    with pytest.raises(ThruxError, match="so much after the data"):
        load_maps(path, limits=Limits(extension=1000))


def test_freesurfer_surfaces_are_read(tmp_path):
    path = tmp_path / "lh.white"
    nibabel.freesurfer.write_geometry(path, VERTICES, FACES, create_stamp="created by a test")
    found = load_surface(path)
    np.testing.assert_array_equal(found.vertices, VERTICES)
    np.testing.assert_array_equal(found.faces, FACES)
    assert (found.vertices.dtype, found.faces.dtype) == (np.float32, np.int32)
    content = path.read_bytes()
    at = content.index(b"\n\n") + 2
    for changed, words in [
        (b"\xff\xff\xfd" + content[3:], "starts with ff ff fe"),
        (content[: at - 2], "does not end"),
        (content[:40], "but the file has 40"),
        (content[:-10], "file ends after"),
        (content[:at] + np.array([2**30, 4], ">i4").tobytes() + content[at + 8 :], "but the file has"),
        (content[:at] + np.array([0, 4], ">i4").tobytes() + content[at + 8 :], "at least one vertex"),
        (content[:-4] + np.array(9, ">i4").tobytes(), "outside 0 to 3"),
    ]:
        path.write_bytes(changed)
        with pytest.raises(ThruxError, match=words) as caught:
            load_surface(path)
        assert all((caught.value.field, caught.value.value, caught.value.remedy))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lh.white", "CORTEX_LEFT"),
        ("rest.rh.mgz", "CORTEX_RIGHT"),
        ("sub-1_hemi-L_thickness.shape.gii", "CORTEX_LEFT"),
        ("S1200.R.midthickness_MSMAll.32k_fs_LR.surf.gii", "CORTEX_RIGHT"),
        ("pial_left.gii.gz", "CORTEX_LEFT"),
        ("all.gii", ""),
        ("lh.to.rh.gii", ""),
    ],
)
def test_the_structure_in_a_name(name, expected):
    assert structure_of(name) == expected
    assert structure_of(name, [{}, {"AnatomicalStructurePrimary": "Cerebellum"}]) == "CEREBELLUM"


def test_damaged_files_are_refused_or_read(cifti, mgh, metric, tmp_path):
    damaged((cifti()[0], mgh()[0], metric), 300, 0)


@pytest.mark.slow
def test_many_damaged_files_are_refused_or_read(cifti, mgh, metric):
    damaged((cifti()[0], mgh()[0], metric), 4000, 1)


def attempt(path):
    try:
        return load_maps(path, limits=Limits(memory=2**28))
    except ThruxError as error:
        return error


def damaged(paths, count, seed):
    rng = np.random.default_rng(seed)
    contents = [path.read_bytes() for path in paths]
    read = 0
    for number in range(count):
        path, data = paths[number % 3], bytearray(contents[number % 3])
        if rng.random() < 0.15:
            del data[int(rng.integers(len(data))) :]
        else:
            for at in rng.integers(len(data), size=rng.integers(1, 4)):
                data[at] = rng.integers(256) if rng.random() < 0.5 else data[at] ^ 1 << rng.integers(7)
        path.write_bytes(data)
        found = attempt(path)
        if isinstance(found, ThruxError):
            assert all((found.file, found.field, found.value, found.remedy)), found
            continue
        read += 1
        for part in found.parts:
            assert part.values.size > 0
            assert part.values.dtype == np.float32
    assert 0 < read < count


def test_output_is_there_whole_or_not_at_all(metric, tmp_path, monkeypatch):
    found = load_maps(metric)
    with pytest.raises(ThruxError, match=r"exists.*--force"):
        found.save(metric, [found.parts[0].values])
    before = metric.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "no space")))
    with pytest.raises(ThruxError, match="cannot be written"):
        found.save(metric, [2 * found.parts[0].values], force=True)
    assert metric.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [metric.name]
