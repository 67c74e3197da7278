"""Filters that keep edges, on files: against their definition, with masks, guides and estimated thresholds."""

import itertools
import math

import nibabel
import nitrix.smoothing
import numpy as np
import pytest
import thrux
from thrux import Bilateral, Gaussian, Limits, Permutohedral, Susan, ThruxError

AFFINE = nibabel.affines.from_matvec([[0, -2.0, 0], [2, 0, 0], [0, 0, 3]], [1, 2, 3])
SPACING = (2.0, 2.0, 3.0)
SHAPE = (7, 6, 5)
METHODS = {
    "gaussian": Gaussian(sigma=2.5),
    "bilateral": Bilateral(sigma=2.5, sigma_intensity=30),
    "susan": Susan(sigma=2.5, brightness_threshold=40),
    "permutohedral": Permutohedral(sigma=2.5, sigma_intensity=30),
}
EVERYDAY = [pytest.param(m, marks=pytest.mark.slow) if m == "permutohedral" else m for m in METHODS]


def bilateral_oracle(volume, channels, sigmas, sigma, inside, spacing=SPACING, truncate=2.5):
    """The mean over the window with Gaussian weights in space and in every channel, voxel by voxel."""
    reach = [int(truncate * sigma / mm + 0.5) for mm in spacing]
    out = volume.astype(np.float64)
    for at in zip(*np.nonzero(inside)):
        ranges = (range(max(0, i - r), min(n, i + r + 1)) for i, r, n in zip(at, reach, volume.shape))
        total = weight = 0.0
        for other in itertools.product(*ranges):
            if inside[other]:
                away = sum(((i - j) * mm / sigma) ** 2 for i, j, mm in zip(at, other, spacing))
                away += sum(((c[at] - c[other]) / s) ** 2 for c, s in zip(channels, sigmas))
                total += math.exp(-away / 2) * float(volume[other])
                weight += math.exp(-away / 2)
        out[at] = total / weight
    return out


@pytest.fixture
def head(rng):
    """An edge with noise on it."""
    values = np.where(np.arange(SHAPE[0])[:, None, None] < 3, 100.0, 200.0)
    return (values + rng.normal(scale=10, size=SHAPE)).astype("f4")


@pytest.fixture
def half(rng):
    return rng.random(SHAPE) < 0.7


def smoothed(path, out, **options):
    report = thrux.smooth_file(path, out, force=True, **options)
    return nibabel.load(out).get_fdata(), report


@pytest.mark.fast
def test_a_guided_bilateral_filter_is_its_definition(nifti, tmp_path, rng, head, half):
    guides = [rng.normal(size=SHAPE).astype("f4") for _ in range(2)]
    paths = [nifti(guide, affine=AFFINE, name=f"guide{n}.nii.gz") for n, guide in enumerate(guides)]
    mask = nifti(half.astype("u1"), affine=AFFINE, name="mask.nii")
    by = Bilateral(fwhm=5.0, sigma_intensity=(40, 1.5, 2), guides=paths)
    found, report = smoothed(
        nifti(head, affine=AFFINE, name="in.nii"), tmp_path / "out.nii", method=by, mask=mask
    )
    sigma = 5.0 / math.sqrt(8 * math.log(2))
    want = bilateral_oracle(head, [head, *guides], (40, 1.5, 2), sigma, half)
    np.testing.assert_allclose(found, want, 1e-5)
    np.testing.assert_array_equal(found[~half], head[~half])
    assert report.sigma_mm == pytest.approx(sigma)
    assert report.parameters == {"sigma_intensity": [40, 1.5, 2], "guides": [str(path) for path in paths]}
    assert (report.mask, report.inside) == (str(mask), half.sum())


@pytest.mark.parametrize("guided", [pytest.param(False, marks=pytest.mark.slow), True])
def test_each_volume_of_a_series_guides_itself(nifti, tmp_path, head, rng, guided):
    series = np.stack([head, head + rng.normal(scale=9, size=SHAPE).astype("f4")], axis=-1)
    guides = [rng.normal(size=SHAPE).astype("f4")] * guided
    paths = [nifti(guide, affine=AFFINE, name="t2.nii") for guide in guides]
    by = Bilateral(sigma=2.5, sigma_intensity=[30, 2][: 1 + guided], guides=paths)
    found, _ = smoothed(nifti(series, affine=AFFINE), tmp_path / "out.nii", method=by)
    for t in range(2):
        volume = series[..., t]
        want = bilateral_oracle(volume, [volume, *guides], [30, 2], 2.5, np.ones(SHAPE, bool))
        np.testing.assert_allclose(found[..., t], want, 1e-5)


def test_a_percentage_is_of_the_robust_range_of_each_channel(nifti, tmp_path, head, half, rng):
    guide = rng.normal(size=SHAPE).astype("f4")
    path, other = nifti(head, name="in.nii"), nifti(guide, name="t2.nii")
    mask = nifti(half.astype("u1"), name="mask.nii")
    for given, parts in [("10%", (0.1, 0.1)), (("20%", "5 %"), (0.2, 0.05))]:
        by = Bilateral(sigma=1.0, sigma_intensity=given, guides=[other])
        _, report = smoothed(path, tmp_path / "out.nii", method=by, mask=mask)
        ranges = [np.ptp(np.percentile(channel[half], [2, 98])) for channel in (head, guide)]
        np.testing.assert_allclose(
            report.parameters["sigma_intensity"], np.multiply(ranges, parts), rtol=1e-5
        )


@pytest.mark.parametrize("name", EVERYDAY)
def test_voxels_outside_the_mask_take_no_part_and_keep_their_values(nifti, tmp_path, head, half, name):
    mask = nifti(half.astype("f4"), name="mask.nii")
    spoiled = head.copy()
    spoiled[~half] = np.resize([np.nan, 1e9, -np.inf, 7], (~half).sum())
    clean, _ = smoothed(nifti(head), tmp_path / "a.nii", method=METHODS[name], mask=mask)
    found, report = smoothed(nifti(spoiled), tmp_path / "b.nii", method=METHODS[name], mask=mask)
    np.testing.assert_allclose(found[half], clean[half], 1e-6)
    np.testing.assert_array_equal(found[~half], spoiled[~half])
    assert report.not_finite == 0
    assert np.abs(found - head)[half].max() > 1


@pytest.mark.parametrize("name", EVERYDAY)
def test_a_constant_stays_one_within_a_mask_and_beside_holes(nifti, tmp_path, half, name):
    values = np.full(SHAPE, 50.0, "f4")
    values[3, 3, 2:4] = np.nan
    mask = nifti(half.astype("u1"), name="mask.nii")
    for options in ({}, {"mask": mask}):
        found, _ = smoothed(
            nifti(values), tmp_path / "out.nii", method=METHODS[name], nan="ignore", **options
        )
        np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
        np.testing.assert_allclose(found[np.isfinite(values)], 50.0, 1e-5)


@pytest.mark.slow
def test_edges_stay_where_the_gaussian_melts_them(nifti, tmp_path, head):
    path = nifti(head)
    clean = np.where(np.arange(SHAPE[0])[:, None, None] < 3, 100.0, 200.0)
    error = {}
    for name, by in METHODS.items():
        found, _ = smoothed(path, tmp_path / "out.nii", method=by)
        error[name] = np.sqrt(((found - clean) ** 2).mean())
    assert error["gaussian"] > 15
    assert all(value < 6 for name, value in error.items() if name != "gaussian"), error


def test_susan_estimates_its_threshold_and_removes_impulses(nifti, tmp_path, head):
    spiked = head.copy()
    spiked[5, 3, 2] = 900.0
    inside = head > 150
    path, mask = nifti(spiked, name="in.nii"), nifti(inside.astype("u1"), name="mask.nii")
    found, report = smoothed(path, tmp_path / "out.nii", method=Susan(sigma=1.5), mask=mask)
    low = np.percentile(spiked, 2)
    want = 0.75 * (np.median(spiked[inside]) - low)
    assert report.parameters["brightness_threshold"] == pytest.approx(want, rel=1e-5)
    assert report.parameters["brightness_threshold_estimated"] is True
    assert 180 < found[5, 3, 2] < 220
    by = Susan(sigma=1.5, brightness_threshold=40, median=False)
    found, report = smoothed(path, tmp_path / "out.nii", method=by, mask=mask)
    assert found[5, 3, 2] == pytest.approx(900)
    assert report.parameters == {
        "brightness_threshold": 40,
        "brightness_threshold_estimated": False,
        "median": False,
    }


def test_without_a_mask_the_threshold_is_that_of_the_bright_part(nifti, tmp_path, rng):
    values = np.zeros((8, 8, 8), "f4")
    values[2:6, 2:6, 2:6] = 100 + rng.normal(size=(4, 4, 4))
    _, report = smoothed(nifti(values), tmp_path / "out.nii", method=Susan(sigma=1.0))
    assert report.parameters["brightness_threshold"] == pytest.approx(75, rel=0.01)


@pytest.mark.parametrize("nan", ["refuse", "zero", "ignore"])
def test_what_a_guide_does_not_know(nifti, tmp_path, head, nan):
    guide = np.zeros(SHAPE, "f4")
    guide[2, 2, 2] = np.nan
    path, other = nifti(head, name="in.nii"), nifti(guide, name="t2.nii")
    by = Bilateral(sigma=1.0, sigma_intensity=(30, 1), guides=[other])
    if nan == "refuse":
        with pytest.raises(ThruxError, match=r"t2.nii: data: 1 voxels are NaN or infinite.*--nan zero"):
            smoothed(path, tmp_path / "out.nii", method=by)
        return
    found, report = smoothed(path, tmp_path / "out.nii", method=by, nan=nan)
    assert np.isnan(found).sum() == (nan == "ignore")
    assert np.isnan(found[2, 2, 2]) == (nan == "ignore")
    assert report.not_finite == 0  # those of the image


def test_images_that_do_not_fit_are_refused(nifti, tmp_path, head):
    path, out = nifti(head, affine=AFFINE, name="in.nii"), tmp_path / "out.nii"
    moved = AFFINE.copy()
    moved[0, 3] += 0.5
    nearly = AFFINE.copy()
    nearly[0, 3] += 1e-4
    cases = [
        (
            np.ones((7, 6, 4), "f4"),
            AFFINE,
            "dim",
            r"is 7 x 6 x 4: .* has 7 x 6 x 5 voxels, and a (guide|mask)",
        ),
        (np.ones((*SHAPE, 2), "f4"), AFFINE, "dim", r"a (guide|mask) is one volume"),
        (np.ones(SHAPE, "f4"), moved, "affine", r"up to 0.5 mm away .* Resample the"),
        (np.ones(SHAPE, "f4"), np.diag([2, 2, 3, 1]), "affine", r"mm away"),
    ]
    for values, affine, field, words in cases:
        other = nifti(values, affine=affine, name="other.nii")
        guided = {"method": Bilateral(sigma=2.0, sigma_intensity="10%", guides=[other])}
        masked = {"method": METHODS["gaussian"], "mask": other}
        for options in (guided, masked):
            with pytest.raises(ThruxError, match=words) as caught:
                smoothed(path, out, **options)
            assert (caught.value.field, caught.value.file) == (field, str(other))
            assert not out.exists()
    same = nifti(np.ones((*SHAPE, 1), "f4"), affine=nearly, name="other.nii")
    smoothed(path, out, method=METHODS["gaussian"], mask=same)
    empty = nifti(np.full(SHAPE, np.nan, "f4"), affine=AFFINE, name="other.nii")
    with pytest.raises(ThruxError, match="mask is empty: it leaves out every voxel"):
        smoothed(path, out, method=METHODS["gaussian"], mask=empty)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Gaussian(), "fwhm is none: either fwhm or sigma is needed, in mm, and not both"),
        (lambda: Gaussian(fwhm=2, sigma=1), "fwhm is 2: either fwhm or sigma"),
        (lambda: Susan(sigma=-1), "sigma is -1: it must be a positive number of mm"),
        (lambda: Susan(sigma=1, brightness_threshold=0), "brightness_threshold is 0: it must be a positive"),
        (lambda: Bilateral(sigma=1, sigma_intensity="ten"), "sigma_intensity is ten: .* or a percentage"),
        (lambda: Bilateral(sigma=1, sigma_intensity="-5%"), "sigma_intensity is -5%"),
        (
            lambda: Bilateral(sigma=1, sigma_intensity=5, guides=["a", "b"]),
            "sigma_intensity is 5: 3 are needed: .* or a single percentage such as 10%",
        ),
        (lambda: Permutohedral(sigma=1, sigma_intensity=["1%", "1%"]), "1 are needed"),
    ],
)
def test_filters_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ThruxError, match=words):
        make()


def test_what_cannot_be_taken_from_an_image_is_said(nifti, tmp_path, head):
    flat, out = nifti(np.ones(SHAPE, "f4"), name="flat.nii"), tmp_path / "out.nii"
    unknown = nifti(np.full(SHAPE, np.nan, "f4"), name="nan.nii")
    by = Bilateral(sigma=1.0, sigma_intensity="10%")
    for path, method, words in [
        (flat, by, "the same nearly everywhere"),
        (flat, Susan(sigma=1.0), "not brighter than its background.*Give one"),
        (unknown, by, "no voxel within the mask is a number"),
    ]:
        with pytest.raises(ThruxError, match=words):
            smoothed(path, out, method=method, nan="ignore")
        assert not out.exists()
    with pytest.raises(ThruxError, match="method is susan: .*reaches no neighbour"):
        smoothed(nifti(head), out, method=Susan(sigma=0.1, brightness_threshold=1))
    with pytest.raises(ThruxError, match="MiB of memory"):
        smoothed(nifti(head), out, method=by, limits=Limits(memory=10_000))
    with pytest.raises(ThruxError, match="either fwhm or a method"):
        smoothed(nifti(head), out)
    with pytest.raises(ThruxError, match="either fwhm or a method"):
        smoothed(nifti(head), out, fwhm=2.0, method=by)


def test_a_lattice_that_is_not_served_is_a_refusal(nifti, tmp_path, head, monkeypatch):
    def refused(*_, **__):
        raise NotImplementedError("use bilateral_gaussian")

    monkeypatch.setattr(nitrix.smoothing, "permutohedral_lattice", refused)
    with pytest.raises(ThruxError, match=r"permutohedral: it is not served on this machine \(use bilateral_"):
        smoothed(nifti(head), tmp_path / "out.nii", method=Permutohedral(sigma=2.0, sigma_intensity=30))


def test_the_lattice_is_given_millimetres_and_intensities_of_the_mask(
    nifti, tmp_path, head, half, monkeypatch
):
    seen = {}

    def lattice(values, features, *, sigma_features):
        seen.update(values=values, features=features, sigma=sigma_features)
        return 2 * values

    monkeypatch.setattr(nitrix.smoothing, "permutohedral_lattice", lattice)
    guide = nifti(2 * head, affine=AFFINE, name="t2.nii")
    mask = nifti(half.astype("u1"), affine=AFFINE, name="mask.nii")
    by = Permutohedral(sigma=2.0, sigma_intensity=(30, 60), guides=[guide])
    path = nifti(head, affine=AFFINE, name="in.nii")
    found, _ = smoothed(path, tmp_path / "out.nii", method=by, mask=mask)
    np.testing.assert_array_equal(found, np.where(half, 2 * head, head))
    np.testing.assert_array_equal(seen["values"], head[half])
    np.testing.assert_allclose(seen["features"][:, :3], np.argwhere(half) * SPACING)
    np.testing.assert_array_equal(seen["features"][:, 3:], np.stack([head[half], 2 * head[half]], 1))
    np.testing.assert_array_equal(seen["sigma"], np.float32([2, 2, 2, 30, 60]))
