"""Images on other grids, against nibabel.processing and SciPy; headers, types, borders, refusals."""

import math

import nibabel
import numpy as np
import pytest
import thrux
from nibabel.affines import apply_affine, from_matvec
from nibabel.processing import resample_from_to, resample_to_output
from scipy import ndimage
from thrux import Limits, ThruxError

SHAPE = (9, 8, 7)
LAS = from_matvec(np.diag([-2.0, 3.0, 2.5]), [10, -12, -7])
OBLIQUE = from_matvec([[0.3, -1.9, 0.4], [2.4, 0.2, -0.3], [0.2, 0.4, 2.9]], [7, -11, -10])
GRIDS = {
    "another size": from_matvec(np.diag([1.5, 1.7, 2.1]), [-5, -10, -5]),
    "oblique": OBLIQUE,
    "flipped": LAS,
}
ORDERS = {"nearest": 0, "linear": 1, "cubic": 3}


def centre(affine, shape):
    """Moved so that its middle is at 0 mm, where that of LAS roughly is."""
    middle = apply_affine(affine, (np.array(shape) - 1) / 2)
    return from_matvec(affine[:3, :3], affine[:3, 3] - middle)


def places(image_affine, grid_affine, shape):
    """In the image's voxels, by the definition."""
    voxels = np.moveaxis(np.indices(shape), 0, -1)
    return apply_affine(np.linalg.inv(image_affine) @ grid_affine, voxels)


def beyond(where, shape):
    """How many voxels a place lies past the outermost centres."""
    return np.maximum(-where, where - (np.array(shape) - 1)).max(axis=-1)


def run(path, out, **options):
    report = thrux.resample_file(path, out, force=True, **options)
    return np.asanyarray(nibabel.load(out).dataobj), report


@pytest.fixture
def smooth_values(rng):
    return ndimage.gaussian_filter(rng.normal(size=(*SHAPE, 2)), (1, 1, 1, 0)).astype("f4") * 100


@pytest.mark.fast
@pytest.mark.parametrize("method", ORDERS)
@pytest.mark.parametrize("name", GRIDS)
def test_the_grid_of_another_image_as_by_nibabel(nifti, tmp_path, smooth_values, name, method):
    shape = (11, 9, 8)
    image_affine, affine = centre(LAS, SHAPE), centre(GRIDS[name], shape) + 0.01
    affine[3] = (0, 0, 0, 1)
    path = nifti(smooth_values, affine=image_affine, name="in.nii.gz")
    like = nifti(np.zeros((*shape, 3), "u1"), affine=affine, name="like.nii")
    seen = []
    found, report = run(
        path, tmp_path / "out.nii", like=like, method=method, fill=-7, progress=lambda *at: seen.append(at)
    )
    volumes = [nibabel.Nifti1Image(smooth_values[..., t], image_affine) for t in range(2)]
    want = np.stack(
        [
            resample_from_to(v, (shape, affine), order=ORDERS[method], mode="constant", cval=-7).get_fdata()
            for v in volumes
        ],
        axis=-1,
    )
    where = places(image_affine, affine, shape)
    past = beyond(where, SHAPE)
    inside, outside = past <= 0, past > 0.5
    clear = (np.abs(where % 1 - 0.5) > 1e-3).all(axis=-1) if method == "nearest" else True
    assert (inside & clear).sum() > 100
    np.testing.assert_allclose(found[inside & clear], want[inside & clear], atol=2e-3)
    np.testing.assert_array_equal(found[outside], -7)
    assert (found[(past > 0) & ~outside] != -7).all()  # the outer half of a voxel is inside
    assert (report.outside, report.shape, report.dtype) == (outside.sum(), (*shape, 2), "float32")
    assert seen == [(0, 2), (1, 2), (2, 2)]
    np.testing.assert_allclose(nibabel.load(tmp_path / "out.nii").affine, affine, atol=1e-6)


def test_lanczos_is_the_windowed_sinc(nifti, tmp_path, smooth_values):
    values = smooth_values[..., 0]
    found, _ = run(nifti(values), tmp_path / "out.nii", spacing=(0.5, 1, 1), method="lanczos")
    # The first voxel's corner stays at -1/2, so the new centres are at a quarter and three quarters.
    at = np.arange(18) / 2 - 0.25
    padded = np.pad(values.astype(float), [(8, 8), (0, 0), (0, 0)], mode="reflect")
    for k in range(1, 17):
        near = math.floor(at[k]) + np.arange(-2, 4)
        weight = np.sinc(at[k] - near) * np.sinc((at[k] - near) / 3)
        want = np.tensordot(weight / weight.sum(), padded[near + 8], 1)
        np.testing.assert_allclose(found[k], want, atol=2e-4)


def test_the_border_of_an_image_is_half_a_voxel_past_its_outer_centres(nifti, tmp_path):
    ramp = np.arange(1, 5, dtype="f4").reshape(4, 1, 1)
    found, report = run(nifti(ramp), tmp_path / "out.nii", spacing=(0.5, 1, 1))
    np.testing.assert_allclose(found.ravel(), [1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4], atol=1e-6)
    assert report.outside == 0
    longer = nifti(np.zeros((6, 1, 1), "f4"), affine=from_matvec(np.eye(3), [-1, 0, 0]), name="like.nii")
    found, report = run(nifti(ramp), tmp_path / "out.nii", like=longer, fill=9)
    np.testing.assert_array_equal(found.ravel(), [9, 1, 2, 3, 4, 9])
    assert report.outside == 2


@pytest.mark.parametrize("affine", [LAS, OBLIQUE], ids=["flipped", "oblique"])
@pytest.mark.parametrize(
    ("spacing", "shape"),
    [(1.25, (15, 20, 14)), ((4.0, 3.0, 5.0), (5, 8, 4)), ((30, 30, 30), (1, 1, 1))],
    ids=["finer", "coarser", "one voxel"],
)
def test_a_voxel_size_keeps_the_first_corner_and_covers_the_field_of_view(
    nifti, tmp_path, smooth_values, affine, spacing, shape
):
    values = smooth_values[..., 0]
    path = nifti(values, affine=affine)
    sizes = np.broadcast_to(spacing, 3)
    found, report = run(path, tmp_path / "out.nii", spacing=spacing)
    placed = nibabel.load(tmp_path / "out.nii").affine
    np.testing.assert_allclose(np.linalg.norm(placed[:3, :3], axis=0), sizes, rtol=1e-6)
    np.testing.assert_allclose(apply_affine(placed, [-0.5] * 3), apply_affine(affine, [-0.5] * 3), atol=1e-5)
    if affine is LAS:
        assert found.shape == shape
    extent = np.array(SHAPE) * np.linalg.norm(affine[:3, :3], axis=0)
    np.testing.assert_array_equal(found.shape, np.ceil(extent / sizes - 0.01))
    np.testing.assert_allclose(report.spacing_mm, sizes, rtol=1e-6)
    where = places(affine, placed, found.shape)
    inside = beyond(where, SHAPE) <= 0
    want = ndimage.map_coordinates(values, np.moveaxis(where, -1, 0), order=1)
    np.testing.assert_allclose(found[inside], want[inside], atol=1e-3)


def test_the_same_voxel_size_changes_nothing(nifti, tmp_path, smooth_values):
    path = nifti(smooth_values, affine=OBLIQUE)
    found, report = run(path, tmp_path / "out.nii", spacing=tuple(np.linalg.norm(OBLIQUE[:3, :3], axis=0)))
    np.testing.assert_allclose(found, smooth_values, atol=1e-3)
    assert report.shape == report.shape_before
    np.testing.assert_allclose(nibabel.load(tmp_path / "out.nii").affine, OBLIQUE, atol=1e-5)


def test_on_the_grid_of_nibabels_resample_to_output_the_values_are_its(nifti, tmp_path, smooth_values):
    values = smooth_values[..., 0]
    want = resample_to_output(nibabel.Nifti1Image(values, OBLIQUE), (2, 2, 2), order=1)
    like = nifti(np.asarray(want.dataobj), affine=want.affine, name="like.nii")
    found, _ = run(nifti(values, affine=OBLIQUE), tmp_path / "out.nii", like=like)
    inside = beyond(places(OBLIQUE, want.affine, want.shape), SHAPE) <= 0
    np.testing.assert_allclose(found[inside], want.get_fdata()[inside], atol=1e-3)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8", "u8", "f8"])
def test_nearest_keeps_the_type_to_the_last_bit(nifti, tmp_path, rng, dtype):
    if dtype == "f8":
        values = rng.normal(size=SHAPE)
    else:
        info = np.iinfo(dtype)
        values = rng.integers(info.min, info.max, SHAPE, dtype=dtype, endpoint=True)
    path = nifti(values, order=">", change={"scl_slope": 0.5, "scl_inter": 3})
    found, report = run(path, tmp_path / "out.nii", spacing=1 / 3, method="nearest", fill=3)
    image = nibabel.load(tmp_path / "out.nii")
    stored = image.dataobj.get_unscaled()
    assert stored.dtype == np.dtype(dtype).newbyteorder(">")
    np.testing.assert_array_equal(stored, np.kron(values, np.ones((3, 3, 3), dtype)))
    assert (image.dataobj.slope, image.dataobj.inter) == (0.5, 3)
    assert report.dtype == np.dtype(dtype).name


def test_fill_is_a_real_value_that_the_type_must_hold(nifti, tmp_path):
    path = nifti(np.ones((3, 3, 3), "u1"), change={"scl_slope": 0.5, "scl_inter": 3})
    like = nifti(np.ones((3, 3, 3), "u1"), affine=from_matvec(np.eye(3), [2, 0, 0]), name="like.nii")
    found, _ = run(path, tmp_path / "out.nii", like=like, method="nearest", fill=4)
    np.testing.assert_array_equal(found[:, 1, 1], [3.5, 4, 4])
    with pytest.raises(ThruxError, match="fill is 0.0: an image of uint8 with its scaling cannot hold it"):
        run(path, tmp_path / "out.nii", like=like, method="nearest")
    found, _ = run(path, tmp_path / "out.nii", like=like)
    np.testing.assert_array_equal(found[:, 1, 1], [3.5, 0, 0])


def test_labels_have_the_largest_share(nifti, tmp_path, rng):
    seeds = rng.uniform(0, 8, (5, 3))
    voxels = np.moveaxis(np.indices(SHAPE), 0, -1)
    levels = np.array([0, 17, -3, 1000, 2])
    values = levels[np.argmin(((voxels[..., None, :] - seeds) ** 2).sum(-1), axis=-1)].astype("i2")
    path = nifti(values, affine=LAS)
    shape, affine = (11, 9, 8), centre(OBLIQUE, (11, 9, 8)) + from_matvec(np.zeros((3, 3)), [2, -1, 1])
    affine[3] = (0, 0, 0, 1)
    like = nifti(np.zeros(shape, "u1"), affine=affine, name="like.nii")
    found, report = run(path, tmp_path / "out.nii", like=like, method="labels")
    where = places(LAS, affine, shape)
    inside = beyond(where, SHAPE) <= 0
    shares = np.stack(
        [
            ndimage.map_coordinates((values == n).astype(float), np.moveaxis(where, -1, 0), order=1)
            for n in levels
        ]
    )
    clear = inside & (np.diff(np.sort(shares, axis=0), axis=0)[-1] > 1e-4)
    assert clear.sum() > 100
    np.testing.assert_array_equal(found[clear], levels[np.argmax(shares, axis=0)][clear])
    assert report.dtype == "int16"
    assert not np.array_equal(
        found[clear], run(path, tmp_path / "o.nii", like=like, method="nearest")[0][clear]
    )


def test_an_image_that_holds_no_labels_is_refused(nifti, tmp_path):
    path = nifti(np.linspace(0, 1, 27, dtype="f4").reshape(3, 3, 3))
    with pytest.raises(ThruxError, match="27 different values: labels are whole numbers"):
        thrux.resample_file(path, tmp_path / "out.nii", spacing=2, method="labels")
    assert not (tmp_path / "out.nii").exists()


def test_both_orientations_come_from_the_grid(nifti, tmp_path):
    like = nibabel.Nifti1Image(np.zeros((5, 5, 5), "u1"), None)
    like.set_sform(centre(OBLIQUE, (5, 5, 5)), 4)
    like.set_qform(centre(LAS, (5, 5, 5)), 1)
    like.to_filename(tmp_path / "like.nii")
    extension = nibabel.nifti1.Nifti1Extension(6, b"kept" * 4)
    path = nifti(
        np.ones((*SHAPE, 2), "f4"),
        affine=centre(LAS, SHAPE),
        extensions=[extension],
        change={"slice_code": 3, "slice_end": 6, "dim_info": 57, "descrip": b"mine", "pixdim": {4: 1.5}},
    )
    run(path, tmp_path / "out.nii", like=tmp_path / "like.nii")
    header = nibabel.load(tmp_path / "out.nii").header
    for found, want in ((header.get_sform(coded=True), like.get_sform(coded=True)),
                        (header.get_qform(coded=True), like.get_qform(coded=True))):  # fmt: skip
        np.testing.assert_array_equal(found[0], want[0])
        assert found[1] == want[1]
    np.testing.assert_array_equal(header["dim"][:5], [4, 5, 5, 5, 2])
    np.testing.assert_array_equal(header["pixdim"][:5], [*like.header["pixdim"][:4], 1.5])
    # The slices that the scanner took one by one are no longer there.
    assert [int(header[name]) for name in ("slice_code", "slice_end", "dim_info")] == [0, 0, 0]
    assert header["descrip"].item() == b"mine"
    assert header.extensions[0].get_content() == b"kept" * 4


def test_both_orientations_are_rescaled(nifti, tmp_path):
    image = nibabel.Nifti1Image(np.ones(SHAPE, "f4"), None)
    image.set_sform(OBLIQUE, 4)
    image.set_qform(LAS, 1)
    image.to_filename(tmp_path / "in.nii")
    sizes = 2 * np.linalg.norm(OBLIQUE[:3, :3], axis=0)
    run(tmp_path / "in.nii", tmp_path / "out.nii", spacing=tuple(sizes))
    header = nibabel.load(tmp_path / "out.nii").header
    assert [int(header[name]) for name in ("sform_code", "qform_code")] == [4, 1]
    for found, affine in ((header.get_sform(), OBLIQUE), (header.get_qform(), LAS)):
        np.testing.assert_allclose(found[:3, :3], 2 * affine[:3, :3], atol=1e-5)
        np.testing.assert_allclose(
            apply_affine(found, [-0.5] * 3), apply_affine(affine, [-0.5] * 3), atol=1e-5
        )


def test_an_image_without_orientation_keeps_its_place(nifti, tmp_path):
    path = nifti(np.ones((4, 4, 4), "f4"), change={"sform_code": 0, "qform_code": 0, "pixdim": {1: 2.0}})
    before = nibabel.load(path).affine
    run(path, tmp_path / "out.nii", spacing=1)
    after = nibabel.load(tmp_path / "out.nii")
    assert after.shape == (8, 4, 4)
    np.testing.assert_allclose(apply_affine(after.affine, [-0.5] * 3), apply_affine(before, [-0.5] * 3))


def test_metres_and_millimetres_meet(nifti, tmp_path, smooth_values):
    values = smooth_values[..., 0]
    metres = from_matvec(np.eye(3) * 0.002, [0, 0, 0])
    path = nifti(values, affine=metres, change={"xyzt_units": 1 | 8})
    like = nifti(values, affine=np.diag([2.0, 2, 2, 1]), change={"xyzt_units": 2 | 16}, name="like.nii")
    found, report = run(path, tmp_path / "out.nii", like=like)
    np.testing.assert_allclose(found, values, atol=1e-3)
    header = nibabel.load(tmp_path / "out.nii").header
    assert header.get_xyzt_units() == ("mm", "sec")  # time as it was
    found, report = run(path, tmp_path / "out.nii", spacing=1)
    assert (found.shape, report.spacing_mm) == ((18, 16, 14), pytest.approx((1, 1, 1)))
    np.testing.assert_allclose(nibabel.load(tmp_path / "out.nii").header.get_zooms(), 0.001, rtol=1e-6)


def test_nan_is_refused_or_zero(nifti, tmp_path):
    values = np.ones(SHAPE, "f4")
    values[2:4, 3, 3] = np.nan
    path = nifti(values)
    for method in ("linear", "nearest"):
        with pytest.raises(ThruxError, match=r"2 voxels are NaN.*Take them as 0 with --nan zero\.$"):
            thrux.resample_file(path, tmp_path / "out.nii", spacing=1, method=method)
        assert [p.name for p in tmp_path.iterdir()] == ["image.nii"]
        found, report = run(path, tmp_path / "out.nii", spacing=1, method=method, nan="zero")
        np.testing.assert_allclose(found, np.nan_to_num(values), atol=1e-6)
        assert report.not_finite == 2
        (tmp_path / "out.nii").unlink()


def test_what_cannot_be_resampled_is_refused(nifti, tmp_path, example):
    out = tmp_path / "out.nii"
    path = nifti(np.ones(SHAPE, "f4"))
    flat = nifti(np.ones((4, 4), "f4"), name="flat.nii")
    far = nifti(np.ones((4, 4, 4), "f4"), affine=from_matvec(np.eye(3), [500, 0, 0]), name="far.nii")
    for source, options, field, words in [
        (path, {}, "like", "either the image whose grid is wanted or a voxel size"),
        (path, {"like": path, "spacing": 2}, "like", "and not both"),
        (path, {"spacing": 0}, "spacing", "one positive number of mm, or three"),
        (path, {"spacing": (1, 2)}, "spacing", "one positive number of mm, or three"),
        (path, {"spacing": math.nan}, "spacing", "one positive number"),
        (path, {"spacing": 1, "fill": math.nan}, "fill", "it must be finite"),
        (path, {"like": far}, "affine", "no voxel of the grid that is asked for lies in the image"),
        (path, {"like": flat}, "dim[0]", "three spatial axes"),
        (flat, {"spacing": 1}, "dim[0]", "three spatial axes"),
        (path, {"spacing": 0.001}, "dim", "MiB of memory"),
        (path, {"spacing": 1e-6}, "dim", "at most 32767 voxels along an axis"),
        (example("row_major.dconn.nii"), {"spacing": 2}, "intent_code", "CIFTI"),
    ]:
        with pytest.raises(ThruxError, match=words) as caught:
            thrux.resample_file(source, out, **{"limits": Limits(memory=2**30), **options})
        assert caught.value.field == field
        assert not out.exists()
    with pytest.raises(ThruxError, match=r"must end in .nii"):
        thrux.resample_file(path, tmp_path / "out.img", spacing=1)
    with pytest.raises(ThruxError, match="the file exists"):
        thrux.resample_file(path, path, spacing=1)


@pytest.mark.usefixtures("unchecked")
def test_unknown_options_are_refused(nifti, tmp_path):
    path = nifti(np.ones(SHAPE, "f4"))
    words = "method is sharp: it is not known. Choose one of linear, cubic, lanczos, nearest, labels"
    with pytest.raises(ThruxError, match=words):
        thrux.resample_file(path, tmp_path / "out.nii", spacing=1, method="sharp")
