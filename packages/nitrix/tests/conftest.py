"""Settings of every test: strict dtype promotion, no stray environment, hypothesis without deadlines."""

import hypothesis
import jax
import jaxtyping
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
hypothesis.settings.register_profile("nitrix", deadline=None, derandomize=True, max_examples=30)
hypothesis.settings.load_profile("nitrix")


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
