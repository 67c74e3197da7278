"""Smoothing of 652 maps, a resting-state run, on the left hemisphere of fsaverage5 (10,242 vertices), at 6 mm FWHM.

Rivals: the same Chebyshev polynomial by scipy.sparse CSR products, and Connectome Workbench's -metric-smoothing, whose
kernel is another approximation of the same Gaussian (geodesic distances to neighbours). Workbench is a program: its
time holds reading and writing one GIfTI file, and it has no part that could be timed alone. It gets 65 of the maps, and
so do we beside it, since seven rounds with all of them would take minutes.
"""

import functools
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

import jax
import jax.numpy as jnp
import nibabel
import numpy as np
import scipy.sparse
from harness import Case
from nitrix.smoothing import surface_gaussian, surface_gaussian_degree
from nitrix.smoothing._heat import coefficients, spectrum
from nitrix.sparse import Mesh, ell_with_transpose, mesh_cotangent_laplacian, vertex_areas

MAPS, WORKBENCH_MAPS, FWHM = 652, 65, 6.0


def _surface() -> Path:
    return Path(str(resources.files("nilearn.datasets") / "data" / "fsaverage5" / "white_left.gii.gz"))


@functools.cache
def _operators():
    vertices, faces = nibabel.load(_surface()).agg_data(("pointset", "triangle"))
    mesh = Mesh(np.asarray(vertices, np.float32), np.asarray(faces, np.int32))
    return ell_with_transpose(mesh_cotangent_laplacian(mesh)), vertex_areas(mesh)


@functools.cache
def _maps() -> np.ndarray:
    n = _operators()[1].shape[0]
    return np.random.default_rng(0).normal(size=(n, MAPS)).astype(np.float32)


@functools.cache
def _on_device() -> jax.Array:
    return jnp.asarray(_maps())


@functools.cache
def _some_on_device() -> jax.Array:
    return jnp.asarray(_maps()[:, :WORKBENCH_MAPS])


def _ours(maps):
    return surface_gaussian(maps, *_operators(), fwhm=FWHM)


@functools.cache
def _by_scipy():
    """The matrix of one step in CSR form, and the weights."""
    stiffness, mass = _operators()
    used = np.asarray(stiffness.valid)
    widest = float(spectrum(stiffness, mass).widest)
    rows = np.nonzero(used)[0]
    values = 2 / widest * np.asarray(stiffness.values)[used] / np.asarray(mass)[rows]
    matrix = scipy.sparse.csr_array(
        (values, (rows, np.asarray(stiffness.indices)[used])), shape=stiffness.shape
    )
    t = (FWHM / np.sqrt(8 * np.log(2))) ** 2 / 2
    degree = surface_gaussian_degree(stiffness, mass, fwhm=FWHM)
    identity = scipy.sparse.eye_array(matrix.shape[0], dtype=np.float32, format="csr")
    weights = coefficients(np.float64(t * widest / 2), degree + 1, np)
    return (matrix - identity).astype(np.float32), weights.astype(np.float32)


def _chebyshev():
    matrix, weights = _by_scipy()
    before = _maps()
    now = matrix @ before
    total = weights[0] * before + weights[1] * now
    for weight in weights[2:]:
        before, now = now, 2 * (matrix @ now) - before
        total += weight * now
    return total


@functools.cache
def _files() -> Path:
    """The surface and some of the maps as files for Workbench, written once."""
    folder = Path(tempfile.mkdtemp(prefix="bench_surface_"))
    nibabel.save(nibabel.load(_surface()), folder / "surface.surf.gii")
    arrays = [nibabel.gifti.GiftiDataArray(column, intent="none") for column in _maps().T[:WORKBENCH_MAPS]]
    nibabel.save(nibabel.GiftiImage(darrays=arrays), folder / "maps.func.gii")
    return folder


def _workbench():
    program = shutil.which("wb_command")
    if program is None:
        raise FileNotFoundError("wb_command is not on PATH (Debian: connectome-workbench)")
    names = [str(_files() / name) for name in ("surface.surf.gii", "maps.func.gii")]
    out = str(_files() / "out.func.gii")
    command = [program, "-metric-smoothing", *names, str(FWHM), out, "-fwhm"]
    subprocess.run(command, check=True, capture_output=True)


@functools.cache
def _value_and_gradient():
    return jax.jit(jax.value_and_grad(lambda maps: jnp.sum(_ours(maps) ** 2)))


_NAME = f"surface_gaussian fsaverage5 {MAPS} maps fwhm 6 mm"

CASES = [
    Case(
        name=_NAME,
        operation="smoothing.surface_gaussian",
        ours=lambda: _ours(_on_device()),
        rival=_chebyshev,
        rival_name="the same polynomial, scipy.sparse CSR",
        program=lambda: jax.jit(_ours).lower(_on_device()).compile(),
        volume_bytes=4 * 10_242 * MAPS,
    ),
    Case(
        name=f"surface_gaussian fsaverage5 {WORKBENCH_MAPS} maps fwhm 6 mm",
        operation="smoothing.surface_gaussian",
        ours=lambda: _ours(_some_on_device()),
        rival=_workbench,
        rival_name="wb_command -metric-smoothing, with its files",
        seconds=1.0,
    ),
    Case(
        name=f"{_NAME}, value and gradient",
        operation="smoothing.surface_gaussian, gradient",
        ours=lambda: _value_and_gradient()(_on_device()),
        rival=_chebyshev,
        rival_name="the value alone, scipy.sparse CSR",
    ),
]
