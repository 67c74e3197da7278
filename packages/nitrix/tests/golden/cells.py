"""Runs one cell of the corpus through the public functions, kernels interpreted on a pretended platform."""

import importlib
import importlib.util
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from nitrix import backend, geometry, graph, linalg, morphology, numerics, semiring, signal, stats
from nitrix.smoothing import (
    bilateral,
    bilateral_gaussian,
    gaussian,
    permutohedral_lattice,
    surface_gaussian,
    susan_emulator,
)
from nitrix.sparse import (
    ELL,
    Mesh,
    ell_from_dense,
    ell_to_dense,
    ell_with_transpose,
    mesh_cotangent_laplacian,
    mesh_mass_matrix,
    sectioned_ell_from_ell,
    sectioned_semiring_ell_matmul,
)
from support.gradients import QUICK_COMPILE
from support.oracles import ALGEBRAS

from golden import foundations, make, spaces

PLATFORMS = {"pallas-cuda": backend.Platform("cuda", (9, 0)), "pallas-tpu": backend.Platform("tpu", None)}
KERNELS = {
    "semiring_matmul": ("fold", "pull"),
    "ell_matmul": ("fold", "pull_values", "pull_dense"),
    "semiring_conv": ("fold", "pull"),
}
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
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(backend, "current_platform", return_value=PLATFORMS[name]))
        stack.enter_context(mock.patch.dict("os.environ", {"NITRIX_STRICT_BACKEND": "1"}))
        for file, functions in KERNELS.items():
            module = f"nitrix._kernels.{name.removeprefix('pallas-')}.{file}"
            if importlib.util.find_spec(module) is None:  # none for this platform
                continue
            kernels = importlib.import_module(module)
            interpreted = {key: partial(getattr(kernels, key), interpret=True) for key in functions}
            stack.enter_context(mock.patch.multiple(kernels, **interpreted))
        yield


# A matrix in sections is the same matrix: its cells read the arrays of the flat one.
ARRAYS_OF = dict.fromkeys(
    ("sectioned_semiring_ell_matmul", "sectioned, listed by column"), "semiring_ell_matmul"
)


def file_of(operation, algebra):
    """The file of a cell."""
    return f"{ARRAYS_OF.get(operation, operation)}-{algebra}.npz"


def call(operation, algebra, backend_name):
    """The operation as a function of its left and right operand."""
    options = {"semiring": ALGEBRAS[algebra], "backend": backend_name}
    if operation == "semiring_matmul":
        return partial(semiring.semiring_matmul, **options)
    if operation == "semiring_ell_conv":
        mask = jnp.arange(make.INDICES.shape[1]) < make.DEGREE[:, None]
        kernel_shape = (make.INDICES.shape[1], make.CHANNELS, make.COLUMNS)
        indices = jnp.asarray(make.INDICES, jnp.int32)
        return lambda left, right: semiring.semiring_ell_conv(
            indices, left, right.reshape(kernel_shape), mask=mask, **options
        )
    if operation == "semiring_conv":
        image_shape, kernel_shape = (
            (*shape, make.CHANNELS, *more) for shape, more in ((make.GRID, ()), (make.TAPS, (make.COLUMNS,)))
        )
        place = {"stride": (1, 2), "dilation": (2, 1), "padding": ((1, 1), (0, 1))}  # make.AXES
        return lambda left, right: semiring.semiring_conv(
            left.reshape(image_shape), right.reshape(kernel_shape), **place, **options
        ).reshape(-1, make.COLUMNS)
    if operation == "semiring_ell_edge_aggregate":
        return _aggregate(ALGEBRAS[algebra], options)
    if operation in ARRAYS_OF:
        return _sectioned(operation, options)
    sparse = dict(indices=jnp.asarray(make.INDICES, jnp.int32), degree=jnp.asarray(make.DEGREE, jnp.int32))
    if operation == "semiring_ell_matmul":
        return lambda left, right: semiring.semiring_ell_matmul(left, B=right, **sparse, **options)
    return lambda left, right: semiring.semiring_ell_rmatvec(
        left, X=right, n_cols=make.N, **sparse, **options
    )


def _aggregate(algebra, options):
    """Messages that are the product's terms, but that the Euclidean sum squares them itself."""

    def message(x_i, x_j, value, ij):
        if algebra is semiring.EUCLIDEAN:
            return value - x_j
        return algebra.binary_op.combine(value, x_j)

    def aggregate(left, right):
        graph = ELL(left, make.GRAPH_INDICES, make.N, degree=make.GRAPH_DEGREE)
        return semiring.semiring_ell_edge_aggregate(message, graph, right, **options)

    return aggregate


def _sectioned(operation, options):
    matrix = sectioned_ell_from_ell(
        ELL(np.zeros(make.INDICES.shape, np.float32), make.INDICES, make.N, degree=make.DEGREE)
    )
    matrix = ell_with_transpose(matrix) if operation.endswith("column") else matrix

    def product(left, right):
        sections = tuple(
            section.replace(values=left[rows, : section.k_max])
            for section, rows in zip(matrix.sections, matrix.row_groups, strict=True)
        )
        return sectioned_semiring_ell_matmul(matrix.replace(sections=sections), right, **options)

    return product


def _rounds_weights(operation, algebra, dtype):
    """Whether the shares of messages are rounded to a short dtype before the message's own derivative adds them."""
    message = operation == "semiring_ell_edge_aggregate" and algebra in ("log", "euclidean")
    return message and dtype in ("bfloat16", "float16")


def results(operation, algebra, backend_name, dtype):
    """(name, what was computed, what is stored) for each member and array of a cell."""
    arrays = golden(file_of(operation, algebra), dtype)
    function = call(operation, algebra, backend_name)
    differentiable = dtype not in ("bool", "int32") and not _rounds_weights(operation, algebra, dtype)

    def run(left, right, g):
        if not differentiable:
            return (function(left, right),)
        out, pull = jax.vjp(function, left, right)
        return out, *pull(g)

    run = jax.jit(run, compiler_options=QUICK_COMPILE)
    keys = ("out", "d_left", "d_right") if differentiable else ("out",)
    with pretended(backend_name), jax.enable_x64(dtype == "float64"):
        g = jnp.asarray(arrays["g"], dtype)
        for number, member in enumerate(make.members_of(algebra, dtype, operation)):
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


def filter_results(dtype):
    """The same of the filters in spaces of features."""
    arrays = golden("filters.npz", dtype)
    window = {"sigma_space": make.SIGMA_SPACE, "radius": make.WINDOW}
    sigma = np.asarray(make.FEATURE_SIGMA, np.float32)

    def run(x, guide, v, f, g, h):
        joint = partial(bilateral, guide=guide, sigma_intensity=np.float32(make.SIGMA_INTENSITY), **window)
        table = partial(bilateral_gaussian, features=f, sigma_features=sigma, neighbourhood=make.NEAR)
        lattice = partial(permutohedral_lattice, features=f, sigma_features=sigma)
        for name, call, y, cotangent in zip(make.FILTERS, (joint, table, lattice), (x, v, v), (g, h, h)):
            out, pull = jax.vjp(call, y)
            yield name, out
            yield f"{name} d", pull(cotangent)[0]
        yield "susan_emulator", susan_emulator(x, bthresh=make.THRESHOLD, **window)

    with jax.enable_x64(dtype == "float64"):
        quick = jax.jit(lambda *given: dict(run(*given)), compiler_options=QUICK_COMPILE)
        got = quick(*(jnp.asarray(arrays[key], dtype) for key in ("x", "guide", "v", "f", "g", "h")))
        for name, value in got.items():
            assert value.dtype == dtype
            yield name, np.float64(value), arrays[name]


def morphology_results(dtype):
    """The same of minima, maxima, medians and pools."""
    arrays = golden("morphology.npz", dtype)
    element = make.FOOTPRINT if dtype == "int32" else make.ELEMENT.astype(np.float32)

    def run(x):
        yield "erode", morphology.erode(x, structuring_element=element)
        yield "dilate", morphology.dilate(x, structuring_element=element)
        yield "open", morphology.open(x, structuring_element=element)
        yield "close", morphology.close(x, structuring_element=element)
        yield "median_filter", morphology.median_filter(x, structuring_element=make.FOOTPRINT)
        yield "rank_filter", morphology.rank_filter(x, rank=make.RANK, structuring_element=make.FOOTPRINT)
        yield "max_pool", morphology.max_pool_with_indices_nd(x, pool_size=make.POOL, spatial_rank=2)[0]

    with jax.enable_x64(dtype == "float64"):
        got = jax.jit(lambda x: dict(run(x)), compiler_options=QUICK_COMPILE)(jnp.asarray(arrays["x"], dtype))
        for name, value in got.items():
            assert value.dtype == dtype
            yield name, np.float64(value), arrays[name]


def distance_results(dtype):
    """The same of the distances."""
    with (
        np.load(Path(make.__file__).with_name("morphology.npz")) as arrays,
        jax.enable_x64(dtype == "float64"),
    ):
        for metric in make.METRICS:
            got = morphology.distance_transform(arrays["mask"], metric=metric, spacing=make.SPACING)
            assert got.dtype == dtype
            yield metric, np.float64(got), arrays[f"distance {metric}"]


def foundation_results(dtype):
    """The same of linear algebra, statistics, signals and numerics: (name, result, golden)."""
    wanted = golden("foundations.npz", "members")

    def run(o):
        x, y, w = o["x"], o["y"], o["w"]
        of_weights = lambda x, W: stats.cov(x, weight_matrix=W)
        yield "cov", stats.cov(x)
        yield "cov, weights", stats.cov(x, weights=w)
        yield "cov, weight_matrix, d_x", jax.grad(lambda x: jnp.vdot(o["g"], of_weights(x, o["band"])))(x)
        yield "pairedcov", stats.pairedcov(x, y)
        yield "corr", stats.corr(x)
        scales = jnp.asarray([1e-15, 1e15, 1.0, 1e-3], x.dtype)[:, None]
        yield "corr, tiny and huge", stats.corr(x * scales)
        yield "partialcorr", stats.partialcorr(x)
        yield "residual", linalg.residualise(x, y)
        yield "symlog", linalg.symlog(o["spd"])
        yield "symsqrt", linalg.symsqrt(o["spd"])
        eye = jnp.eye(4, dtype=x.dtype)
        yield "symlog at the identity, d_x", jax.grad(lambda a: jnp.vdot(o["g"], linalg.symlog(a)))(eye)
        yield "tangent", linalg.tangent_project_spd(o["spd"], o["reference"])
        yield "geometric", linalg.mean_geometric(o["spd"])
        yield "toeplitz", linalg.toeplitz(x[0, :4], y[0, :5])
        yield "gaussian_kernel", linalg.gaussian_kernel(x, sigma=2.0)
        yield "laplace_kernel", linalg.laplace_kernel(x, y)
        yield "sosfilt", signal.sosfilt(x, foundations.SECTIONS)
        yield "fir", signal.fir_filter(x, foundations.TAPS.astype(x.dtype), zero_phase=False)
        analytic = signal.analytic_signal(x)
        yield "analytic", jnp.stack([analytic.real, analytic.imag])
        yield "interpolated", signal.linear_interpolate(x, foundations.KEPT)
        yield "percentile", numerics.percentile(x, jnp.asarray(foundations.Q, x.dtype), axis=-1)
        yield "zscore", numerics.zscore_normalize(x)
        yield "intensity", numerics.intensity_normalize(x)

    with jax.enable_x64(dtype == "float64"):
        o = {name: jnp.asarray(x, dtype) for name, x in golden("foundations.npz", "operands").items()}
        got = jax.jit(lambda o: dict(run(o)), compiler_options=QUICK_COMPILE)(o)
        compiled = jax.jit(lambda x, W: stats.cov(x, weight_matrix=W))
        for name in ("diagonal", "band"):
            member = "cov, weight_matrix" if name == "band" else "cov, diagonal weight_matrix"
            got[member] = compiled(o["x"], o[name])
        assert set(got) == set(wanted)
        for name, value in got.items():
            assert value.dtype == dtype
            yield name, np.float64(value), wanted[name]


def space_results(dtype):
    """The same of geometry and graphs: (name, result, golden)."""
    wanted = golden("spaces.npz", "members")

    def run(o):
        image, u, points, C = o["image"], o["u"], o["points"], o["C"]
        grid = geometry.identity_grid(spaces.SHAPE, dtype=u.dtype)
        yield "linear", geometry.spatial_transform(image, grid + u, mode="nearest")
        yield "composed", geometry.compose_displacements(u, o["v"])
        yield "integrated", geometry.integrate_velocity_field(u, n_steps=4)
        yield "jacobian", geometry.jacobian_displacement(u)
        yield "determinant", geometry.jacobian_det_displacement(u)
        affines = (jnp.asarray(a, u.dtype) for a in (spaces.TARGET, spaces.SOURCE))
        target, source = affines
        yield "affine", geometry.affine_grid(spaces.SHAPE, target_affine=target, source_affine=source)
        yield "centre of a grid", geometry.center_of_mass_grid(o["weight"])
        yield "centres of points", geometry.center_of_mass_points(C.T, points[:8])
        yield "latlong", geometry.cartesian_to_latlong(points)
        yield "geodesic", geometry.spherical_geodesic_distance(points, points[:4])
        yield "rotation", geometry.rotation_matrix(points[0], jnp.asarray(0.75, u.dtype))
        every_pair = np.tile(np.arange(9, dtype=np.int32), (9, 1))
        yield (
            "spherical_conv",
            geometry.spherical_conv(o["data"], points, sigma=spaces.SIGMA, neighbourhood=every_pair),
        )
        pair = (o["low_rank"], o["diag"])
        yield "quadratic_form", geometry.quadratic_form_low_rank_plus_diag(points, pair)
        metric = pair[0][0] @ pair[0][0].T + jnp.diag(pair[1][0])
        constant = lambda x: jnp.broadcast_to(metric, (*x.shape, 3))
        yield "length", geometry.integrate_along_line_segment(points[:4], points[4:8], constant, 3)
        yield "laplacian", graph.laplacian(o["weights"])
        yield "laplacian, random walk", graph.laplacian(o["weights"], normalisation="random_walk")
        yield "modularity", graph.modularity_matrix(o["signed"], sign=None)
        yield "relaxed modularity", graph.relaxed_modularity(o["signed"], C)
        yield "coaffiliation", graph.coaffiliation(C)
        yield "eigenmaps", graph.laplacian_eigenmap(o["weights"], n_components=spaces.MAPS).maps
        options = {"n_components": spaces.MAPS, "alpha": spaces.ALPHA, "t": spaces.TIME}
        yield "diffusion", graph.diffusion_embedding(o["weights"], **options).maps

    with jax.enable_x64(dtype == "float64"):
        o = {name: jnp.asarray(x, dtype) for name, x in golden("spaces.npz", "operands").items()}
        got = jax.jit(lambda o: dict(run(o)), compiler_options=QUICK_COMPILE)(o)
        assert set(got) == set(wanted)
        for name, value in got.items():
            assert value.dtype == dtype, name
            yield name, np.float64(value), wanted[name]


def surface_results(dtype):
    """The same of a field smoothed on a surface."""
    arrays, operator = golden("surface.npz", dtype), golden("surface.npz", "operator")
    stiffness = ell_from_dense(operator["stiffness"].astype(np.float32))
    options = {"sigma": make.SIGMA, "degree": 80, "tolerance": 1e-12}

    def run(x, g):
        smooth = lambda x: surface_gaussian(x, stiffness, operator["areas"].astype(np.float32), **options)
        out, pull = jax.vjp(smooth, x)
        return out, *pull(g)

    with jax.enable_x64(dtype == "float64"):
        got = jax.jit(run, compiler_options=QUICK_COMPILE)(
            *(jnp.asarray(arrays[k], dtype) for k in ("x", "g"))
        )
        for key, value in zip(("out", "d_x"), got, strict=True):
            assert value.dtype == dtype
            yield key, np.float64(value), arrays[key]


def mesh_results(dtype):
    """The same of a mesh's matrices."""
    arrays = golden("surface.npz", dtype)
    with jax.enable_x64(dtype == "float64"):
        mesh = Mesh(jnp.asarray(make.VERTICES, dtype), make.FACES)
        matrices = {
            "stiffness": mesh_cotangent_laplacian(mesh),
            "mass": mesh_mass_matrix(mesh, lumped=False),
        }
        for key, matrix in matrices.items():
            assert matrix.dtype == dtype
            yield key, np.float64(ell_to_dense(matrix)), arrays[key]


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
