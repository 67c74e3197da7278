"""Runs one cell of the corpus through the public functions, kernels interpreted on a pretended platform."""

import importlib
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from nitrix import backend, semiring
from nitrix.smoothing import gaussian
from support.gradients import QUICK_COMPILE
from support.oracles import ALGEBRAS

from golden import make

PLATFORMS = {"pallas-cuda": backend.Platform("cuda", (9, 0)), "pallas-tpu": backend.Platform("tpu", None)}
SMOOTHING = {"sigma": (1.5, 3.0), "spacing": 2.0, "cval": make.CVAL}  # make.SIGMAS in voxels


@cache
def stored(file):
    """The committed arrays of a file."""
    with np.load(Path(make.__file__).parent / file) as arrays:
        return dict(arrays)


def golden(file, dtype):
    """The arrays of one dtype, by their short names."""
    return {key.split("/")[1]: x for key, x in stored(file).items() if key.split("/")[0] == dtype}


@contextmanager
def pretended(name):
    """A machine on which this backend is the resolved one and its kernels run, interpreted."""
    if name == "jax":
        yield
        return
    kernels = importlib.import_module(f"nitrix._kernels.{name.removeprefix('pallas-')}.semiring_matmul")
    interpreted = {key: partial(getattr(kernels, key), interpret=True) for key in ("fold", "pull")}
    with (
        mock.patch.object(backend, "current_platform", return_value=PLATFORMS[name]),
        mock.patch.multiple(kernels, **interpreted),
        mock.patch.dict("os.environ", {"NITRIX_STRICT_BACKEND": "1"}),
    ):
        yield


def call(operation, algebra, backend_name):
    """The operation as a function of its left and right operand."""
    options = {"semiring": ALGEBRAS[algebra], "backend": backend_name}
    if operation == "semiring_matmul":
        return partial(semiring.semiring_matmul, **options)
    sparse = dict(indices=jnp.asarray(make.INDICES, jnp.int32), degree=jnp.asarray(make.DEGREE, jnp.int32))
    if operation == "semiring_ell_matmul":
        return lambda left, right: semiring.semiring_ell_matmul(left, B=right, **sparse, **options)
    return lambda left, right: semiring.semiring_ell_rmatvec(
        left, X=right, n_cols=make.N, **sparse, **options
    )


def results(operation, algebra, backend_name, dtype):
    """(name, what was computed, what is stored) for each member and array of a cell."""
    arrays = golden(f"{operation}-{algebra}.npz", dtype)
    function = call(operation, algebra, backend_name)
    differentiable = dtype not in ("bool", "int32")

    def run(left, right, g):
        if not differentiable:
            return (function(left, right),)
        out, pull = jax.vjp(function, left, right)
        return out, *pull(g)

    run = jax.jit(run, compiler_options=QUICK_COMPILE)
    keys = ("out", "d_left", "d_right") if differentiable else ("out",)
    with pretended(backend_name), jax.enable_x64(dtype == "float64"):
        g = jnp.asarray(arrays["g"], dtype)
        for number, member in enumerate(make.members_of(algebra, dtype)):
            got = run(*(jnp.asarray(arrays[side][number], dtype) for side in ("left", "right")), g)
            for key, value in zip(keys, got, strict=True):
                if key == "out" or member not in make.WITHOUT_GRADIENT:
                    assert value.dtype == dtype
                    yield f"{member}: {key}", np.float64(value), arrays[key][number]


def gaussian_results(dtype):
    """The same of the Gaussian filter."""
    arrays = golden("gaussian.npz", dtype)

    def run(x, g):
        for mode, order in make.gaussian_cases():
            scale = 2.0 ** (2 * order)  # from per voxel to per millimetre, along two axes
            out, pull = jax.vjp(lambda x: scale * gaussian(x, mode=mode, order=order, **SMOOTHING), x)
            yield out, *pull(g)

    with jax.enable_x64(dtype == "float64"):
        quick = jax.jit(lambda x, g: list(run(x, g)), compiler_options=QUICK_COMPILE)
        got = quick(*(jnp.asarray(arrays[key], dtype) for key in ("x", "g")))
        for number, (case, values) in enumerate(zip(make.gaussian_cases(), got, strict=True)):
            for key, value in zip(("out", "d_x"), values, strict=True):
                assert value.dtype == dtype
                yield f"{case}: {key}", np.float64(value), arrays[key][number]


def excess(got, wanted, rtol, atol):
    """The largest error in units of the tolerance; infinite where infinities or NaN differ."""
    finite = np.isfinite(wanted)
    if (
        not np.array_equal(got[~finite], wanted[~finite], equal_nan=True)
        or not np.isfinite(got[finite]).all()
    ):
        return np.inf
    error = np.abs(got[finite] - wanted[finite])
    allowed = rtol * np.abs(wanted[finite]) + atol
    return float(np.max(np.where(error == 0, 0, error / np.maximum(allowed, 1e-300)), initial=0))
