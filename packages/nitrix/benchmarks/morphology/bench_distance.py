"""Distances to the background against SciPy's and the edt package's, on two cores: balls, sparse points, a brain."""

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from harness import Case
from nitrix.morphology import distance_transform_edt

SCIPY_BAR, EDT_BAR = 4.0, 1.0


@functools.cache
def _ball(n: int, share: float = 0.8) -> np.ndarray:
    """A ball that reaches over so much of the cube's side."""
    places = np.indices((n, n, n)) - (n - 1) / 2
    return (places**2).sum(0) < (share * n / 2) ** 2


@functools.cache
def _points(n: int) -> np.ndarray:
    """Everything but one voxel in ten thousand."""
    return np.random.default_rng(0).random((n, n, n)) > 1e-4


@functools.cache
def _brain() -> np.ndarray:
    """The brain in the MNI152 template of nilearn, at 1 mm."""
    from nilearn.datasets import load_mni152_brain_mask

    return np.asarray(load_mni152_brain_mask(resolution=1).dataobj) > 0


def _edt(mask: np.ndarray, spacing: Any) -> Any:
    if importlib.util.find_spec("edt") is None:
        raise ModuleNotFoundError("edt is not installed")
    import edt

    return edt.edt(mask.view(np.uint8), anisotropy=spacing, parallel=2)


def _scipy(mask: np.ndarray, spacing: Any) -> Any:
    return ndi.distance_transform_edt(mask, sampling=spacing)


def _run(rival: Callable[..., Any], mask: Callable[[], np.ndarray], spacing: Any) -> Any:
    return rival(mask(), spacing)


def _cases(
    name: str, mask: Callable[[], np.ndarray], spacing: Any, scipy_bar: Any, edt_bar: Any
) -> list[Case]:
    @functools.cache
    def operand() -> jax.Array:
        return jnp.asarray(mask())

    measure = functools.partial(distance_transform_edt, spacing=spacing)
    return [
        Case(
            name=f"{name} against {rival_name.split('.')[0]}",
            operation="morphology.distance_transform_edt",
            ours=lambda: measure(operand()),
            rival=functools.partial(_run, rival, mask, spacing),
            rival_name=rival_name,
            bar=bar,
            seconds=6.0,
            program=lambda: jax.jit(measure).lower(operand()).compile(),
            volume_bytes=4 * mask().size,
        )
        for rival_name, rival, bar in (
            ("scipy.ndimage.distance_transform_edt", _scipy, scipy_bar),
            ("edt.edt", _edt, edt_bar),
        )
    ]


def _indices() -> Case:
    @functools.cache
    def operand() -> jax.Array:
        return jnp.asarray(_ball(128))

    return Case(
        name="edt with indices ball 128^3",
        operation="morphology.distance_transform_edt",
        ours=lambda: distance_transform_edt(operand(), return_indices=True),
        rival=lambda: ndi.distance_transform_edt(_ball(128), return_indices=True),
        rival_name="scipy.ndimage.distance_transform_edt",
    )


CASES = [
    *_cases("edt ball 128^3", lambda: _ball(128), (1.0, 1.0, 1.0), SCIPY_BAR, EDT_BAR),
    *_cases("edt ball 256^3", lambda: _ball(256), (1.0, 1.0, 1.0), SCIPY_BAR, EDT_BAR),
    *_cases("edt points 128^3", lambda: _points(128), (1.0, 1.0, 1.0), SCIPY_BAR, EDT_BAR),
    *_cases("edt points 256^3", lambda: _points(256), (1.0, 1.0, 1.0), SCIPY_BAR, EDT_BAR),
    *_cases("edt brain MNI 1 mm", _brain, (1.0, 1.0, 1.0), None, None),
    *_cases("edt ball 128^3 of 0.9 x 1.1 x 1.3 mm", lambda: _ball(128), (0.9, 1.1, 1.3), None, None),
    _indices(),
]
