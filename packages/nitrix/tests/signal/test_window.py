"""Random windows: every placement as often as any other."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nitrix.signal import sample_windows
from support.gradients import QUICK_COMPILE

KEY = jax.random.key(0)
SERIES = np.arange(12.0)


def placements(length, size, count):
    """Starts of windows that share no sample, in order."""
    starts = itertools.combinations(range(length - size + 1), count)
    return [s for s in starts if all(b - a >= size for a, b in itertools.pairwise(s))]


def starts_of(keys, **options):
    """Where the windows of a ramp begin, for many keys."""
    cut = lambda key: sample_windows(jnp.asarray(SERIES), create_new_axis=True, key=key, **options)[:, 0]
    return np.asarray(jax.jit(jax.vmap(cut), compiler_options=QUICK_COMPILE)(keys)).astype(int)


# Of the older library: 4,000 draws of 45 placements had one 360 times and another never.


@pytest.mark.fast
def test_windows_without_overlap_are_uniform_over_all_placements():
    draws, wanted = 9000, placements(12, 2, 2)
    assert len(wanted) == 45
    found = starts_of(jax.random.split(KEY, draws), window_size=2, num_windows=2)
    counts = np.array([np.sum((found == p).all(1)) for p in wanted])
    assert counts.sum() == draws  # each is one of them
    assert np.sum((counts - draws / 45) ** 2) / (draws / 45) < 78.7  # chi-square of 44 degrees, 0.1 %


def test_windows_with_overlap_are_uniform_over_ordered_starts():
    draws = 6000
    found = starts_of(jax.random.split(KEY, draws), window_size=8, num_windows=2, allow_overlap=True)
    counts = np.array([np.sum((found == p).all(1)) for p in itertools.permutations(range(5), 2)])
    assert counts.sum() == draws
    assert np.sum((counts - draws / 20) ** 2) / (draws / 20) < 43.8  # 19 degrees, 0.1 %


def test_windows_are_cut_and_not_made_up():
    x = np.random.default_rng(0).normal(size=(3, 12, 2)).astype(np.float32)
    stacked, joined = (
        (0, 3, -1, -3),
        (0, 1, 2, -1),
    )  # of the older library: negative ones counted on the input's axes

    def cut(x, key):
        options = {"window_size": 3, "num_windows": 2, "windowing_axis": 1, "key": key}
        ramp = sample_windows(jnp.arange(12)[None, :], **options, create_new_axis=True)[:, 0, 0]
        new = [sample_windows(x, **options, create_new_axis=True, multiplying_axis=a) for a in stacked]
        return ramp, new, [sample_windows(x, **options, multiplying_axis=a) for a in joined]

    starts, new, old = jax.jit(cut, compiler_options=QUICK_COMPILE)(x, KEY)
    wanted = [x[:, s : s + 3] for s in starts.tolist()]
    for got, place in zip(new, stacked):
        np.testing.assert_array_equal(got, np.stack(wanted, place))
    for got, place in zip(old, joined):
        np.testing.assert_array_equal(got, np.concatenate(wanted, place))


def test_windows_that_fill_the_series_tile_it():
    np.testing.assert_array_equal(sample_windows(SERIES, window_size=4, num_windows=3, key=KEY), SERIES)
    np.testing.assert_array_equal(sample_windows(SERIES, window_size=12, key=KEY), SERIES)


def test_a_key_gives_one_draw_and_dtypes_are_kept():
    dtypes = (jnp.float32, jnp.int32, jnp.bool_, jnp.complex64, jnp.bfloat16)
    x = np.concatenate([SERIES, SERIES]) % 2
    cut = lambda key: [
        sample_windows(jnp.asarray(x, d), window_size=3, num_windows=2, key=key) for d in dtypes
    ]
    compiled = jax.jit(cut, compiler_options=QUICK_COMPILE)
    for key in (KEY, jax.random.PRNGKey(3)):  # of either kind
        found = compiled(key)
        assert [a.dtype for a in found] == list(dtypes)
        for other in found[1:]:
            np.testing.assert_array_equal(np.float32(other.real), found[0])


def test_the_gradient_counts_how_often_a_sample_was_cut():
    options = {"window_size": 8, "num_windows": 3, "allow_overlap": True, "key": KEY}
    loss = lambda x: jnp.sum(sample_windows(x, **options))
    gradient = jax.jit(jax.grad(loss), compiler_options=QUICK_COMPILE)(jnp.asarray(SERIES, jnp.float32))
    starts = sample_windows(
        SERIES, window_size=8, num_windows=3, allow_overlap=True, key=KEY, create_new_axis=True
    )[:, 0]
    wanted = sum(np.isin(np.arange(12), np.arange(s, s + 8)) for s in np.asarray(starts).astype(int))
    np.testing.assert_array_equal(gradient, wanted)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (
            {"window_size": 5, "num_windows": 3},
            ValueError,
            "3 windows of 5 samples need 15 along axis 0, which has 12;",
        ),
        (
            {"window_size": 10, "num_windows": 4, "allow_overlap": True},
            ValueError,
            r"4 windows of 10 samples need 13 along axis 0, which has 12\.",
        ),
        ({"window_size": 0}, ValueError, "window_size=0 must be at least 1"),
        ({"window_size": 2.5}, TypeError, "window_size=2.5 must be an integer, known before tracing"),
        ({"window_size": 2, "num_windows": 0}, ValueError, "num_windows=0 must be at least 1"),
        (
            {"window_size": 2, "windowing_axis": 1},
            ValueError,
            r"windowing_axis=1 is out of range for .* shape \(12,\)",
        ),
        ({"window_size": 2, "multiplying_axis": -2}, ValueError, "multiplying_axis=-2 is out of range"),
    ],
)
def test_bad_input_is_refused_in_words(options, error, words, unchecked):
    with pytest.raises(error, match=f"sample_windows: .*{words}"):
        sample_windows(SERIES, key=KEY, **options)
