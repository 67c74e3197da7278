"""Cleaning of series in memory, against its steps done one by one in float64, and against nilearn."""

import warnings

import numpy as np
import pytest
import scipy.signal
from thrux import ThruxError
from thrux.cleaning import clean_series

FRAMES, TR = 120, 2.0


def expected(
    series, *, confounds=None, kept=None, detrend=1, high=None, low=None, order=5, standardise="none"
):
    """The steps in their order, from their definitions."""
    frames = series.shape[1]
    t = np.arange(frames)
    kept = np.ones(frames, bool) if kept is None else kept

    def evened(rows):
        if detrend is not None:
            powers = np.polynomial.legendre.legvander(2 * t / (frames - 1) - 1, detrend)
            rows = rows - (powers @ np.linalg.lstsq(powers[kept], rows.T[kept], rcond=None)[0]).T
        rows = np.stack([np.interp(t, t[kept], row[kept]) for row in rows])
        if high or low:
            band, kind = {
                (True, True): ((high, low), "bandpass"),
                (True, False): (high, "highpass"),
                (False, True): (low, "lowpass"),
            }[bool(high), bool(low)]
            rows = scipy.signal.sosfiltfilt(
                scipy.signal.butter(order, band, kind, fs=1 / TR, output="sos"), rows
            )
        return rows

    x = evened(series.astype(np.float64))
    if confounds is not None:
        columns = evened(confounds.T.astype(np.float64)).T
        columns = columns - columns[kept].mean(0)
        varies = columns[kept].std(0) > 1e-9 * np.linalg.norm(confounds[kept], axis=0)
        columns = columns[:, varies] / np.linalg.norm(columns[kept][:, varies], axis=0)
        x = x - (columns @ np.linalg.lstsq(columns[kept], x.T[kept], rcond=1e-12)[0]).T
    before = series[:, kept].astype(np.float64).mean(1, keepdims=True)
    if standardise == "zscore":
        return (x - x[:, kept].mean(1, keepdims=True)) / x[:, kept].std(1, ddof=1, keepdims=True)
    return 100 * (x - x[:, kept].mean(1, keepdims=True)) / before if standardise == "psc" else x


@pytest.fixture
def series(rng):
    """Random walks about a large baseline."""
    return (1000 + 5 * rng.normal(size=(7, FRAMES)).cumsum(axis=1)).astype("f4")


@pytest.fixture
def confounds(rng):
    """Of very different scales; two are collinear, one is constant and one is a single spike."""
    columns = rng.normal(size=(FRAMES, 6)) * [1, 1e-4, 1e5, 1, 1, 1]
    columns[:, 3] = columns[:, 0] - 1e-5 * columns[:, 2]
    columns[:, 4] = 3
    columns[:, 5] = np.arange(FRAMES) == 50
    return columns


@pytest.fixture
def kept(rng):
    """The first frame, the last two and some between are left out."""
    kept = rng.random(FRAMES) > 0.15
    kept[[0, -1, -2, 60, 61]] = False
    return kept


USUAL = {"high": 0.01, "low": 0.1, "standardise": "zscore"}
slow = pytest.mark.slow
OPTIONS = [  # each costs seconds of compilation, so two of them show each step every day
    pytest.param({"detrend": 2, "high": 0.01, "low": 0.1, "standardise": "zscore"}, True, id="all"),
    pytest.param({"detrend": None, "low": 0.1}, False, id="low-pass"),
    pytest.param({}, False, id="defaults", marks=slow),
    pytest.param({}, True, id="defaults, scrubbed", marks=slow),
    pytest.param({"detrend": None}, True, id="no trend", marks=slow),
    pytest.param({"detrend": 0, "standardise": "psc"}, True, id="per cent", marks=slow),
    pytest.param({"detrend": 3, "standardise": "zscore"}, False, id="cubic", marks=slow),
    pytest.param({"high": 0.02, "order": 3, "standardise": "psc"}, True, id="high-pass", marks=slow),
]


def cleaned(series, *, high=None, low=None, **options):
    return clean_series(series, tr=TR, high_pass=high, low_pass=low, **options)


@pytest.mark.parametrize(("options", "scrubbed"), OPTIONS)
def test_each_step_is_what_its_definition_says(series, confounds, kept, options, scrubbed):
    series = series.astype(np.float64)
    given = {"confounds": confounds, **options, **({"kept": kept} if scrubbed else {})}
    want = expected(series, **given)
    scale = 1 + np.abs(want).max()
    found = cleaned(series, **given)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, want[:, kept] if scrubbed else want, atol=1e-8 * scale)
    if scrubbed:
        np.testing.assert_allclose(cleaned(series, **given, keep_scrubbed=True), want, atol=1e-8 * scale)


@pytest.mark.fast
def test_float32_keeps_its_digits_on_a_large_baseline(series, confounds, kept):
    found = cleaned(series, confounds=confounds, kept=kept, **USUAL)
    assert found.dtype == np.float32
    want = expected(series, confounds=confounds, kept=kept, **USUAL)[:, kept]
    np.testing.assert_allclose(found, want, atol=1e-4)


@pytest.mark.parametrize(
    ("standardise", "band"),
    [
        ("zscore", (0.01, 0.1)),
        pytest.param("zscore", (None, None), marks=slow),
        pytest.param("none", (0.01, 0.1), marks=slow),
        pytest.param("psc", (None, None), marks=slow),
    ],
)
def test_the_same_as_nilearn(series, confounds, standardise, band):
    signal = pytest.importorskip("nilearn.signal")
    series = series.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = signal.clean(
            series.T,
            confounds=confounds[:, [0, 1, 2, 5]],
            detrend=True,
            standardize={"none": None, "zscore": "zscore_sample"}.get(standardise, standardise),
            high_pass=band[0],
            low_pass=band[1],
            t_r=TR,
        ).T
    found = cleaned(
        series, confounds=confounds[:, [0, 1, 2, 5]], high=band[0], low=band[1], standardise=standardise
    )
    np.testing.assert_allclose(found, want, atol=1e-8 * (1 + np.abs(want).max()))


def test_a_confound_that_the_trend_explains_is_none(series, confounds, kept):
    # What is left of it is rounding, which must not be scaled up and fitted to the series.
    confounds[:, 4] = np.linspace(-1, 1, FRAMES)
    want = expected(series, confounds=np.delete(confounds, 4, axis=1), kept=kept, **USUAL)[:, kept]
    np.testing.assert_allclose(cleaned(series, confounds=confounds, kept=kept, **USUAL), want, atol=1e-4)


@pytest.mark.parametrize(
    "standardise", ["zscore", pytest.param("none", marks=slow), pytest.param("psc", marks=slow)]
)
def test_series_without_variation_are_zero_and_not_nan(series, confounds, kept, standardise):
    t = np.arange(FRAMES)
    series[0], series[1], series[2], series[3] = 0, 1234.56, 500 + 2.5 * t, 1e4 + confounds[:, 0]
    found = cleaned(series, confounds=confounds, kept=kept, **{**USUAL, "standardise": standardise})
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:2], 0)
    if standardise == "zscore":
        np.testing.assert_array_equal(found[2], 0)
    assert np.abs(found[4:]).max() > 0.1


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_what_lies_in_a_scrubbed_frame_is_never_read(series, confounds, kept, value):
    want = cleaned(series, confounds=confounds, kept=kept, **USUAL)
    series[:, ~kept] = value
    confounds[~kept] = value
    found = cleaned(series, confounds=confounds, kept=kept, **USUAL)
    np.testing.assert_array_equal(found, want)


def test_a_series_with_nan_spoils_no_other_one(series):
    want = cleaned(series)
    series[2, 5] = np.nan
    found = cleaned(series)
    assert np.isnan(found[2]).all()
    np.testing.assert_array_equal(np.delete(found, 2, 0), np.delete(want, 2, 0))


def test_blocks_and_places_do_not_matter(rng, monkeypatch):
    series = rng.normal(size=(1100, 40)).astype("f4")
    kept = np.arange(40) % 7 != 3
    seen = []
    found = clean_series(series, kept=kept, progress=lambda *at: seen.append(at))
    assert seen == [(0, 1100), (1024, 1100), (1100, 1100)]
    np.testing.assert_allclose(found[1090:], clean_series(series[1090:], kept=kept), atol=1e-6)
    turned = np.asfortranarray(series)
    in_place = turned[:, : kept.sum()]
    assert clean_series(turned, kept=kept, out=in_place) is in_place
    np.testing.assert_array_equal(in_place, found)
    assert clean_series(series[:0]).shape == (0, 40)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"high_pass": 0.01}, "tr is missing: a filter needs the time between two frames.*--tr 2"),
        ({"high_pass": 0.01, "tr": 0}, "tr is 0.0: it must be a positive number of seconds"),
        ({"low_pass": 0.3, "tr": 2}, "low_pass is 0.3: it must lie between 0 and 0.25 Hz"),
        ({"high_pass": -1, "tr": 2}, "high_pass is -1.0: it must lie between 0"),
        ({"high_pass": float("nan"), "tr": 2}, "high_pass is nan: it must lie between 0"),
        ({"high_pass": 0.1, "low_pass": 0.01, "tr": 2}, "high_pass is 0.1: it must be below low_pass"),
        ({"high_pass": 0.1, "tr": 2, "order": 11}, "order is 11: the order of the filter must be 1 to 10"),
        ({"confounds": np.ones((20, 17))}, "17 confounds and the trend would explain all of the 20 frames"),
        ({"kept": np.arange(20) < 3}, "frames is 3: .* of 20"),
        ({"standardise": "sd"}, "standardise is sd: it is not known"),
    ],
)
def test_what_cannot_be_done_is_refused(unchecked, options, words):
    with pytest.raises(ThruxError, match=words):
        clean_series(np.zeros((2, 20), "f4"), **options)


def test_a_filter_on_too_few_frames_is_refused():
    with pytest.raises(ThruxError, match="frames is 20: this filter needs 34 at least.*--order"):
        clean_series(np.zeros((2, 20), "f4"), tr=2, high_pass=0.01, low_pass=0.1)
