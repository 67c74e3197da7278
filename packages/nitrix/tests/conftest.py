"""Settings of every test: strict dtype promotion, no stray environment, hypothesis without deadlines."""

import hypothesis
import jax
import jaxtyping
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
hypothesis.settings.register_profile("nitrix", deadline=None, derandomize=True, max_examples=30)
hypothesis.settings.load_profile("nitrix")


@pytest.hookimpl(tryfirst=True)  # before slow tests are left out
def pytest_collection_modifyitems(items):
    combinations = {}
    for item in items:
        if item.get_closest_marker("covering") is not None:
            combinations.setdefault((item.path, item.originalname), []).append(item)
    for found in combinations.values():
        covering = _cover(
            [frozenset((k, repr(v)) for k, v in item.callspec.params.items()) for item in found]
        )
        for item, kept in zip(found, covering):
            if not kept:
                item.add_marker(pytest.mark.slow)


def _cover(combinations):
    """Which of the combinations to keep, so that every value is in one of them."""
    seen, kept = set(), [False] * len(combinations)
    for all_new in (True, False):
        for number, values in enumerate(combinations):
            new = values - seen
            if new and (new == values or not all_new):
                kept[number], seen = True, seen | values
    return kept


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in ("NITRIX_BACKEND", "NITRIX_SILENCE_FALLBACK", "NITRIX_STRICT_BACKEND"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def x64():
    """Run a test in 64 bits, as the oracles do."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def unchecked():
    """Switch the run-time check of annotated shapes off, to read the library's own words."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
