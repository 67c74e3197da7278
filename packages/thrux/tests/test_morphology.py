"""Erosion, dilation, opening, closing and filling on files, against scipy.ndimage volume by volume."""

import math

import nibabel
import numpy as np
import pytest
import thrux
from scipy import ndimage
from thrux import Limits, ThruxError
from thrux.neighbourhood import Neighbourhood

AFFINE = nibabel.affines.from_matvec([[0, -0.9, 0], [1.5, 0, 0], [0, 0, 3]], [1, 2, 3])
SPACING = (1.5, 0.9, 3.0)  # x, y, z: column norms of the affine
SHAPE = (10, 9, 8)
OPERATIONS = ("erode", "dilate", "open", "close")


def near(radius, shape="ball", spacing=SPACING, reach=6):
    """The neighbourhood by its definition, over more voxels than it needs."""
    steps = [np.arange(-reach, reach + 1) * mm for mm in spacing]
    x, y, z = np.meshgrid(*steps, indexing="ij")
    bound = radius + 1e-4
    if shape == "box":
        return np.maximum.reduce([abs(x), abs(y), abs(z)]) <= bound
    within = x**2 + y**2 + z**2 <= bound**2
    return within & (((x != 0).astype(int) + (y != 0) + (z != 0)) <= 1) if shape == "cross" else within


def eroded(volume, footprint):
    return ndimage.grey_erosion(volume, footprint=footprint, mode="constant", cval=math.inf)


def dilated(volume, footprint):
    return ndimage.grey_dilation(volume, footprint=footprint, mode="constant", cval=-math.inf)


def expected(volume, operation, footprint):
    """SciPy's grey morphology in float64, with what lies past the border taking no part."""
    volume = volume.astype(np.float64)
    steps = {
        "erode": [eroded],
        "dilate": [dilated],
        "open": [eroded, dilated],
        "close": [dilated, eroded],
    }[operation]
    for step in steps:
        volume = step(volume, footprint)
    return volume


def run(path, out, operation, **options):
    report = thrux.morph_file(path, out, operation, force=True, **options)
    return np.asanyarray(nibabel.load(out).dataobj), report


@pytest.mark.fast
@pytest.mark.parametrize("operation", OPERATIONS)
def test_grey_values_as_by_scipy(nifti, tmp_path, rng, operation):
    values = rng.normal(size=(*SHAPE, 2)).astype("f4")
    seen = []
    path = nifti(values, affine=AFFINE, name="in.nii.gz")
    found, report = run(
        path, tmp_path / "out.nii.gz", operation, radius=3, progress=lambda *at: seen.append(at)
    )
    for t in range(2):
        np.testing.assert_array_equal(found[..., t], expected(values[..., t], operation, near(3)))
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert report.neighbourhood_size == (5, 7, 3)
    assert report.neighbourhood_voxels == near(3).sum()
    assert report.changed == (found != values).sum()
    assert (report.operation, report.radius_mm, report.neighbourhood) == (operation, 3, "ball")
    np.testing.assert_allclose(report.spacing_mm, SPACING, rtol=1e-6)
    np.testing.assert_array_equal(nibabel.load(tmp_path / "out.nii.gz").affine, nibabel.load(path).affine)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("shape", ["ball", "box", "cross"])
def test_a_mask_as_by_scipys_binary_morphology(nifti, tmp_path, rng, operation, shape):
    mask = ndimage.gaussian_filter(rng.normal(size=SHAPE), 1) > 0
    path = nifti(mask.astype("u1"), affine=AFFINE)
    found, report = run(path, tmp_path / "out.nii", operation, radius=1.8, shape=shape)
    want = mask
    for step in {"open": ["erode", "dilate"], "close": ["dilate", "erode"]}.get(operation, [operation]):
        if step == "erode":
            want = ndimage.binary_erosion(want, near(1.8, shape), border_value=1)
        else:
            want = ndimage.binary_dilation(want, near(1.8, shape))
    np.testing.assert_array_equal(found, want)
    assert found.dtype == np.uint8
    assert report.neighbourhood == shape
    assert (found != mask).any()


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_the_type_on_disk_is_kept_to_the_last_bit(nifti, tmp_path, rng, dtype):
    if dtype[0] == "f":
        values = 1e30 * rng.normal(size=SHAPE)
    else:
        info = np.iinfo(dtype)
        values = rng.integers(info.min, info.max, SHAPE, dtype=dtype, endpoint=True)
        values[0, 0, 0], values[9, 8, 7] = info.min, info.max
    values = values.astype(dtype)
    path = nifti(values, affine=AFFINE, order=">")
    footprint = near(1.5, reach=1)
    # SciPy would take wide integers as float64. A reflected border adds nothing new to a symmetric neighbourhood.
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, 1, mode="symmetric"), (3, 3, 3))
    for operation, pick in [("erode", np.min), ("dilate", np.max)]:
        found, report = run(path, tmp_path / "out.nii", operation, radius=1.5)
        assert found.dtype == np.dtype(dtype).newbyteorder(">")
        np.testing.assert_array_equal(found, pick(windows[..., footprint], axis=-1))
        assert report.dtype == np.dtype(dtype).name


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("slope", [0.5, -0.5])
def test_scaling_is_kept_and_its_sign_is_understood(nifti, tmp_path, rng, operation, slope):
    values = rng.integers(-1000, 1000, SHAPE).astype("i2")
    path = nifti(values, affine=AFFINE, change={"scl_slope": slope, "scl_inter": 3})
    run(path, tmp_path / "out.nii", operation, radius=1.5)
    found = nibabel.load(tmp_path / "out.nii")
    assert (found.dataobj.slope, found.dataobj.inter) == (slope, 3)
    assert found.get_data_dtype() == np.int16
    np.testing.assert_array_equal(found.get_fdata(), expected(values * slope + 3, operation, near(1.5)))


def test_real_files_keep_header_and_extensions(example, tmp_path):
    path = example("example4d.nii.gz")
    found, _ = run(path, tmp_path / "out.nii", "open", radius=3)
    before, after = nibabel.load(path), nibabel.load(tmp_path / "out.nii")
    kept = bytearray(before.header.binaryblock), bytearray(after.header.binaryblock)
    assert kept[0] == kept[1]
    assert after.header.extensions == before.header.extensions
    footprint = near(3, spacing=before.header.get_zooms()[:3])
    np.testing.assert_array_equal(
        after.get_fdata()[..., 1], expected(before.get_fdata()[..., 1], "open", footprint)
    )


def test_holes_are_filled_as_by_scipy(nifti, tmp_path, rng):
    mask = ndimage.gaussian_filter(rng.normal(size=(14, 13, 12, 2)), (1, 1, 1, 0)) > -0.05
    found, report = run(nifti(mask.astype("i2"), affine=AFFINE), tmp_path / "out.nii", "fill-holes")
    for t in range(2):
        np.testing.assert_array_equal(found[..., t], ndimage.binary_fill_holes(mask[..., t]))
    assert found.dtype == np.int16
    assert report.changed == (found != mask).sum() > 0
    assert (report.radius_mm, report.neighbourhood, report.neighbourhood_size) == (None, None, None)


def test_a_grey_hole_is_filled_to_its_rim(nifti, tmp_path):
    values = np.full((7, 7, 7), 9.0)
    values[2:5, 2:5, 2:5] = 4
    values[3, 3, 3] = 1
    values[3, 3, 5:] = 6  # the lowest way out
    found, _ = run(nifti(values), tmp_path / "out.nii", "fill-holes")
    np.testing.assert_array_equal(found, np.maximum(values, 6))
    falling = nifti((-values).astype("i1"), change={"scl_slope": -1})
    found, _ = run(falling, tmp_path / "out.nii", "fill-holes")
    np.testing.assert_array_equal(found, np.maximum(values, 6))


@pytest.fixture
def holed(rng):
    values = rng.normal(size=(*SHAPE, 2)).astype("f4")
    values[2:4, 3, 3, 1] = np.nan
    values[5, 5, 5, 1] = -np.inf
    return values


def test_nan_is_refused_unless_told_otherwise(nifti, tmp_path, holed):
    path = nifti(holed, affine=AFFINE)
    with pytest.raises(
        ThruxError, match=r"3 voxels of volume 2 of 2 are NaN.*--nan zero, or leave.*--nan ign"
    ):
        thrux.morph_file(path, tmp_path / "out.nii", "erode", radius=3)
    with pytest.raises(
        ThruxError, match=r"3 voxels of volume 2 of 2 are NaN.*Take them as 0 with --nan zero\.$"
    ):
        thrux.morph_file(path, tmp_path / "out.nii", "fill-holes")
    assert [p.name for p in tmp_path.iterdir()] == ["image.nii"]


@pytest.mark.parametrize("scaling", [{}, {"scl_slope": 2, "scl_inter": 1}])
def test_nan_can_be_zero(nifti, tmp_path, holed, scaling):
    path = nifti(holed, affine=AFFINE, change=scaling)
    report = thrux.morph_file(path, tmp_path / "out.nii", "dilate", radius=3, nan="zero")
    found = nibabel.load(tmp_path / "out.nii").get_fdata()[..., 1]
    real = holed[..., 1] * np.float64(scaling.get("scl_slope", 1)) + scaling.get("scl_inter", 0)
    want = expected(np.where(np.isfinite(real), real, 0), "dilate", near(3))
    np.testing.assert_allclose(found, want, 1e-6)
    assert report.not_finite == 3


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_nan_can_take_no_part(nifti, tmp_path, holed, rng, operation, dtype):
    values = holed.astype(dtype)
    values += (dtype == "f8") * rng.normal(size=values.shape) * 1e-12  # no float32
    path = nifti(values, affine=AFFINE)
    report = thrux.morph_file(path, tmp_path / "out.nii", operation, radius=3, nan="ignore")
    found = nibabel.load(tmp_path / "out.nii").get_fdata()
    good = np.isfinite(values[..., 1])
    want = values[..., 1]
    for step in {"open": "erode dilate", "close": "dilate erode"}.get(operation, operation).split():
        outside = math.inf if step == "erode" else -math.inf
        want = np.where(good, want, outside)
        want = eroded(want, near(3)) if step == "erode" else dilated(want, near(3))
    np.testing.assert_array_equal(found[good, 1], want[good])
    assert np.isnan(found[~good, 1]).all()
    np.testing.assert_array_equal(found[..., 0], expected(values[..., 0], operation, near(3)))
    assert report.not_finite == 3
    assert report.changed == (found != values)[np.isfinite(values)].sum()


@pytest.mark.parametrize(
    ("radius", "shape", "size", "count"),
    [
        (1, "ball", (1, 3, 1), 3),
        (0.9, "ball", (1, 3, 1), 3),  # which a header keeps as 0.89999998
        (2.7, "cross", (3, 7, 1), 9),
        (3, "box", (5, 7, 3), 105),
        (3, "cross", (5, 7, 3), 13),
    ],
)
def test_neighbourhoods_hold_what_lies_within_the_radius(radius, shape, size, count):
    spacing = tuple(float(np.float32(mm)) for mm in SPACING)
    found = Neighbourhood(radius=radius, shape=shape).voxels(spacing)
    assert found.shape == size
    assert found.sum() == count


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("affine", "radius"),
    [pytest.param(np.diag([2, 2, 2, 1]), 10, marks=pytest.mark.slow), (AFFINE, 8.2)],
)
def test_a_mask_by_a_large_ball(nifti, tmp_path, rng, operation, affine, radius):
    mask = ndimage.gaussian_filter(rng.normal(size=(26, 24, 14)), 4) > (
        0.01 if operation != "dilate" else 0.04
    )
    values = np.where(mask, 7, -2).astype("i2")
    found, report = run(nifti(values, affine=affine), tmp_path / "out.nii", operation, radius=radius)
    footprint = near(radius, spacing=np.linalg.norm(affine[:3, :3], axis=0), reach=11)
    np.testing.assert_array_equal(found, expected(values, operation, footprint))
    assert report.neighbourhood_voxels == footprint.sum() > 500
    assert 0 < report.changed < values.size / 2
    if operation == "dilate":
        grey = values + 5 * mask * (np.arange(26) % 2)[:, None, None].astype("i2")  # three values
        found, _ = run(nifti(grey, affine=affine), tmp_path / "out.nii", operation, radius=radius)
        np.testing.assert_array_equal(found, expected(grey, operation, footprint))


def test_a_large_ball_where_there_is_nothing_to_measure_to(nifti, tmp_path):
    for value in (0, 1):
        values = np.full((12, 12, 12), value, "u1")
        for operation in OPERATIONS:
            found, _ = run(nifti(values), tmp_path / "out.nii", operation, radius=6)
            np.testing.assert_array_equal(found, values)


def test_a_ball_is_told_apart_from_what_is_just_outside():
    shape = (40, 40, 40)
    assert 5 < Neighbourhood(radius=5).cut((1.0, 1.0, 1.0), within=shape) < math.sqrt(26)
    assert math.sqrt(24) < Neighbourhood(radius=4.9).cut((1.0, 1.0, 1.0), within=shape) < 5
    # Five voxels along the last axis end hardly beyond the radius: float32 would not see it.
    assert Neighbourhood(radius=5).cut((1.0, 1.0, 1.000012), within=shape) is None
    assert Neighbourhood(radius=5).cut((1.0, 1.0, 1.0), within=(3, 3, 3)) > math.sqrt(12)


def test_what_morphology_cannot_do_is_refused(nifti, tmp_path, example):
    out = tmp_path / "out.nii"
    path = nifti(np.ones(SHAPE, "f4"), affine=AFFINE)
    fill = {"operation": "fill-holes"}
    for source, options, field, words in [
        (path, {"radius": 0.8}, "radius", r"less than one voxel of 1.5 x 0.9 x 3 mm.*at least 0.9, in mm"),
        (
            nifti(np.ones((9, 8, 1), "u1"), affine=np.diag([3, 3, 1, 1]), name="slice.nii"),
            {"radius": 2},
            "radius",
            r"less than one voxel of 3 x 3 x 1 mm along the axes that have more than one.*at least 3, in mm",
        ),
        (nifti(np.ones((1, 1, 1), "u1"), name="one.nii"), {"radius": 1}, "radius", "Give a larger image"),
        (path, {"radius": 0.0}, "radius", "positive"),
        (path, {"radius": math.nan}, "radius", "positive"),
        (path, {"radius": 50}, "radius", "wider than the image, which spans 24 mm"),
        (path, {}, "radius", "erode needs one, in mm"),
        (path, {"radius": 2, **fill}, "radius", "fill-holes takes none"),
        (path, {"nan": "ignore", **fill}, "nan", "closes a hole"),
        (path, {"radius": 3, "limits": Limits(memory=20_000)}, "dim", "MiB of memory"),
        (nifti(np.ones((4, 4), "f4"), name="flat.nii"), fill, "dim[0]", "three spatial axes"),
        (example("row_major.dconn.nii"), {"radius": 2}, "intent_code", "CIFTI.*thrux surface"),
    ]:
        with pytest.raises(ThruxError, match=words) as caught:
            thrux.morph_file(source, out, **{"operation": "erode", **options})
        assert caught.value.field == field
        assert not out.exists()
    with pytest.raises(ThruxError, match=r"must end in .nii"):
        thrux.morph_file(path, tmp_path / "out.img", "erode", radius=3)


def test_a_long_thin_image_needs_no_more_of_a_ball_than_it_has_room_for(nifti, tmp_path, rng):
    values = rng.normal(size=(400, 2, 2)).astype("f4")  # a whole ball would take 4 GB
    options = {"radius": 390, "limits": Limits(memory=2**20)}
    found, report = run(nifti(values), tmp_path / "out.nii", "dilate", **options)
    assert report.neighbourhood_size == (781, 3, 3)
    want = [values[max(0, i - 389) : i + 390].max() for i in range(400)]  # diagonal ways are a little longer
    assert (found >= np.float32(want)[:, None, None]).all()


@pytest.mark.usefixtures("unchecked")
def test_unknown_options_are_refused(nifti, tmp_path):
    path = nifti(np.ones(SHAPE, "f4"))
    for options, words in [
        ({"operation": "grow"}, "operation is grow: it is not known. Choose one of erode, dilate"),
        ({"shape": "star"}, "shape is star: it is not known. Choose one of ball, box, cross"),
        ({"nan": "drop"}, "nan is drop: it is not known. Choose one of refuse"),
    ]:
        with pytest.raises(ThruxError, match=words):
            thrux.morph_file(path, tmp_path / "out.nii", **{"operation": "erode", "radius": 2, **options})
