"""The median filter on files, against scipy.ndimage volume by volume."""

import math

import nibabel
import numpy as np
import pytest
import thrux
from scipy import ndimage
from thrux import Limits, ThruxError

AFFINE = nibabel.affines.from_matvec([[0, -0.9, 0], [1.5, 0, 0], [0, 0, 3]], [1, 2, 3])
SPACING = (1.5, 0.9, 3.0)  # x, y, z: column norms of the affine
SHAPE = (10, 9, 8)


def near(radius, shape="ball"):
    """The window by its definition."""
    x, y, z = np.meshgrid(*(np.arange(-2, 3) * mm for mm in SPACING), indexing="ij")
    away = np.maximum.reduce([abs(x), abs(y), abs(z)]) if shape == "box" else np.sqrt(x**2 + y**2 + z**2)
    return away <= radius + 1e-4


def run(path, out, **options):
    report = thrux.median_file(path, out, force=True, **options)
    return np.asanyarray(nibabel.load(out).dataobj), report


@pytest.mark.fast
def test_a_box_of_voxels_as_by_scipy(nifti, tmp_path, rng):
    values = rng.normal(size=(*SHAPE, 2)).astype("f4")
    seen = []
    path = nifti(values, affine=AFFINE, name="in.nii.gz")
    found, report = run(path, tmp_path / "out.nii.gz", size=3, progress=lambda *at: seen.append(at))
    for t in range(2):
        np.testing.assert_array_equal(found[..., t], ndimage.median_filter(values[..., t], 3))
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert (report.window, report.window_size, report.window_voxels) == ("box", (3, 3, 3), 27)
    assert report.radius_mm is None
    assert report.changed == (found != values).sum()
    np.testing.assert_array_equal(nibabel.load(tmp_path / "out.nii.gz").affine, nibabel.load(path).affine)


@pytest.mark.parametrize("shape", ["ball", "box"])
def test_a_window_in_millimetres_as_by_scipy(nifti, tmp_path, rng, shape):
    values = rng.integers(-1000, 1000, SHAPE).astype("i2")
    path = nifti(values, affine=AFFINE, change={"scl_slope": -0.5, "scl_inter": 3})
    found, report = run(path, tmp_path / "out.nii", radius=1.8, window=shape)
    image = nibabel.load(tmp_path / "out.nii")
    assert (image.dataobj.slope, image.dataobj.inter, image.get_data_dtype()) == (-0.5, 3, np.int16)
    want = ndimage.median_filter(values * -0.5 + 3, footprint=near(1.8, shape))
    np.testing.assert_array_equal(found, want)
    assert report.window_size == (3, 5, 1)
    assert report.window_voxels == near(1.8, shape).sum()


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_the_type_on_disk_is_kept_to_the_last_bit(nifti, tmp_path, rng, dtype):
    if dtype[0] == "f":
        values = rng.normal(size=SHAPE).astype(dtype)
    else:
        info = np.iinfo(dtype)
        values = rng.integers(info.min, info.max, SHAPE, dtype=dtype, endpoint=True)
    found, report = run(nifti(values, order=">"), tmp_path / "out.nii", size=3)
    assert found.dtype == np.dtype(dtype).newbyteorder(">")
    # SciPy would take wide integers as float64.
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, 1, mode="symmetric"), (3, 3, 3))
    np.testing.assert_array_equal(found, np.sort(windows.reshape(*SHAPE, 27), axis=-1)[..., 13])
    assert report.dtype == np.dtype(dtype).name


def test_nan_is_refused_or_zero(nifti, tmp_path, rng):
    values = rng.normal(size=SHAPE).astype("f4")
    values[2:4, 3, 3] = np.nan
    path = nifti(values, affine=AFFINE)
    with pytest.raises(ThruxError, match=r"2 voxels are NaN.*Take them as 0 with --nan zero\.$"):
        thrux.median_file(path, tmp_path / "out.nii", size=3)
    assert [p.name for p in tmp_path.iterdir()] == ["image.nii"]
    found, report = run(path, tmp_path / "out.nii", size=3, nan="zero")
    np.testing.assert_array_equal(found, ndimage.median_filter(np.nan_to_num(values), 3))
    assert report.not_finite == 2


def test_what_a_median_cannot_do_is_refused(nifti, tmp_path, example):
    out = tmp_path / "out.nii"
    path = nifti(np.ones(SHAPE, "f4"), affine=AFFINE)
    for source, options, field, words in [
        (path, {}, "size", "either size, in voxels, or radius"),
        (path, {"size": 3, "radius": 3}, "size", "either size, in voxels, or radius"),
        (path, {"size": 4}, "size", "must be odd"),
        (path, {"size": 1}, "size", "at least 3"),
        (path, {"size": 11}, "size", "wider than the image, whose longest axis has 10 voxels"),
        (path, {"radius": 0.8}, "radius", r"less than one voxel of 1.5 x 0.9 x 3 mm"),
        (path, {"radius": 0}, "radius", "positive"),
        (path, {"radius": math.nan}, "radius", "positive"),
        (path, {"radius": 50}, "radius", "wider than the image, which spans 24 mm"),
        (path, {"size": 3, "limits": Limits(memory=20_000)}, "dim", "MiB of memory"),
        (nifti(np.ones((999, 2, 2), "f4"), name="thin.nii"), {"radius": 900}, "dim", "MiB of memory"),
        (nifti(np.ones((4, 4), "f4"), name="flat.nii"), {"size": 3}, "dim[0]", "three spatial axes"),
        (example("row_major.dconn.nii"), {"radius": 2}, "intent_code", "CIFTI"),
    ]:
        with pytest.raises(ThruxError, match=words) as caught:
            thrux.median_file(source, out, **{"limits": Limits(memory=2**30), **options})
        assert caught.value.field == field
        assert not out.exists()
    with pytest.raises(ThruxError, match=r"must end in .nii"):
        thrux.median_file(path, tmp_path / "out.img", size=3)


@pytest.mark.usefixtures("unchecked")
def test_unknown_options_are_refused(nifti, tmp_path):
    path = nifti(np.ones(SHAPE, "f4"))
    with pytest.raises(ThruxError, match=r"window is cross: it is not known. Choose one of ball, box"):
        thrux.median_file(path, tmp_path / "out.nii", radius=2, window="cross")
    with pytest.raises(ThruxError, match=r"nan is ignore: it is not known. Choose one of refuse, zero"):
        thrux.median_file(path, tmp_path / "out.nii", size=3, nan="ignore")
