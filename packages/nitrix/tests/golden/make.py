"""Makes the golden arrays: `python packages/nitrix/tests/golden/make.py` writes them beside this file.

A file holds, for one operation and algebra and each dtype, operands that the dtype represents exactly, stacked over
the members (the situations that are named), and the result and gradients that the definition gives for them.
"""

import sys
from pathlib import Path

import ml_dtypes
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import distances, grayscale, permutohedral, ranks, window_filters  # noqa: E402

from golden import definitions, foundations, spaces  # noqa: E402

M, K, N = 6, 5, 7
COLUMNS = 4  # of the dense operand of a sparse product
MODES = ("reflect", "mirror", "nearest", "constant", "wrap")
SIGMAS, CVAL = (0.75, 1.5), 0.5

OPERATIONS = (
    "semiring_matmul",
    "semiring_ell_matmul",
    "semiring_ell_rmatvec",
    "semiring_ell_edge_aggregate",
    "semiring_ell_conv",
    "semiring_conv",
)
FLOATS = ("float32", "float64", "bfloat16", "float16")
EPSILON = {"float32": 2.0**-23, "float64": 2.0**-52, "bfloat16": 2.0**-7, "float16": 2.0**-10}
TINY = {"float32": 2.0**-83, "float64": 2.0**-600, "bfloat16": 2.0**-83}  # float16 has no such numbers
TROPICAL = ("ordinary", "ties", "identities", "opposed infinities", "large", "nan")
MEMBERS = {
    "real": ("ordinary", "ties", "identities", "nan"),
    "log": (*TROPICAL, "cancelling"),
    "tropical_max_plus": TROPICAL,
    "tropical_min_plus": TROPICAL,
    "boolean": ("ties", "identities"),
    "euclidean": (
        "ordinary",
        "ties",
        "identities",
        "coincident",
        "nearly coincident",
        "far off",
        "tiny",
        "nan",
    ),
}
FEW_BITS = ("ordinary", "ties", "identities", "opposed infinities", "coincident", "nan")
WITHOUT_GRADIENT = ("nan",)  # nothing is promised of a gradient where the value is NaN
INDICES = np.array([[4, 0, 3], [1, 1, 6], [2, 5, 0], [0, 0, 0], [6, 2, 1], [3, 4, 2]])
DEGREE = np.array([3, 2, 3, 0, 1, 3])
# A graph has as many rows as columns; a convolution has two channels for each slot.
GRAPH_INDICES, GRAPH_DEGREE = np.vstack([INDICES, [[5, 6, 0]]]), np.append(DEGREE, 2)
CHANNELS = 2
# An image and a kernel of two axes, and for each axis the size of the output, stride, dilation, padding before.
GRID, TAPS, AXES = (3, 4), (2, 2), ((3, 1, 2, 1), (2, 2, 1, 0))
OPERANDS = {  # shapes
    "semiring_matmul": ((M, K), (K, N)),
    "semiring_ell_matmul": (INDICES.shape, (N, COLUMNS)),
    "semiring_ell_rmatvec": (INDICES.shape, (M, COLUMNS)),
    "semiring_ell_edge_aggregate": (GRAPH_INDICES.shape, (N, COLUMNS)),
    "semiring_ell_conv": ((N, CHANNELS), (INDICES.shape[1] * CHANNELS, COLUMNS)),
    "semiring_conv": ((12, CHANNELS), (4 * CHANNELS, COLUMNS)),
}
# A surface: a bent sheet of six vertices.
FACES = np.array([[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4]])
VERTICES = np.array([[0, 0, 0], [2, 0.25, 0.5], [4, 0, 0], [0.25, 2, 0.5], [1.75, 2.5, 0], [4, 2, 0.75]])
SIGMA = 1.5


def dtypes_of(algebra):
    """The dtypes that an algebra computes in, or gives back."""
    return {"boolean": ("bool",), "real": (*FLOATS, "int32")}.get(algebra, FLOATS)


def rounded(x, dtype):
    """x as float64, of values that the dtype has."""
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    return np.asarray(x).astype(kind).astype(np.float64)


def member(name, algebra, dtype, left, right, rng):
    """Operands of these shapes for one situation; entries of a row of `left` meet rows of `right`."""
    zero = definitions.ZERO[algebra]
    a, b = rng.normal(size=left), rng.normal(size=right)
    if name in ("ties", "coincident"):
        a, b = rng.integers(-1, 2, left).astype(float), rng.integers(-1, 2, right).astype(float)
    if name == "identities":
        a[0], a[1, ::2], a[2, 1:] = zero, zero, zero
        b[:, 0], b[::2, 1], b[1] = zero, zero, zero
        a = (a > 0) * 1.0 if algebra == "boolean" else a
    if name == "opposed infinities":
        a[0, 1], a[1], a[2, 0] = zero, zero, -zero
        b[:, 1], b[2, 2], b[0, 3] = -zero, -zero, zero
    if name in ("large", "cancelling"):
        # Multiples of 2^-8, so that float32 forms each term exactly.
        a, b = (np.round(256 * rng.uniform(-1e4, 1e4, size)) / 256 for size in (left, right))
    if name == "cancelling":
        a = np.round(256 * rng.normal(size=left)) / 256 + 8192
        b = np.round(256 * rng.normal(size=right)) / 256 - 8192
    if name == "coincident":
        a[1], b[:, 2] = 1.0, 1.0
    if name == "nearly coincident":
        a, b = np.full(left, 1.25), np.full(right, 1.25)
        b += rng.integers(-2, 3, right) * EPSILON[dtype]
        a[0] += EPSILON[dtype]
    if name == "far off":
        a, b = (1024 + rng.integers(-8, 9, size) / 64 for size in (left, right))
    if name == "tiny":  # of which the squares underflow
        a, b = (x * TINY[dtype] for x in (a, b))
    if name == "nan":
        a[1, 0] = b[0, 1] = b[3, 2] = np.nan
    return a, b


def products(operation, algebra):
    """Every array of one operation over one algebra, by name."""
    made = {}
    left, right = OPERANDS[operation]
    entries = {
        "semiring_matmul": lambda: definitions.dense_entries(M, K),
        "semiring_ell_matmul": lambda: definitions.ell_entries(INDICES, DEGREE),
        "semiring_ell_rmatvec": lambda: definitions.transposed_entries(INDICES, DEGREE, N),
        "semiring_ell_edge_aggregate": lambda: definitions.ell_entries(GRAPH_INDICES, GRAPH_DEGREE),
        "semiring_ell_conv": lambda: definitions.convolution_entries(INDICES, DEGREE, CHANNELS),
        "semiring_conv": lambda: definitions.grid_entries(GRID, TAPS, CHANNELS, AXES),
    }[operation]()
    for dtype in dtypes_of(algebra):
        rng = np.random.default_rng(20)
        g = rng.integers(-8, 9, (len(entries), right[1])) / 8
        columns = []
        for name in members_of(algebra, dtype, operation):
            a, b = (rounded(x, dtype) for x in member(name, algebra, dtype, left, right, rng))
            if operation == "semiring_ell_edge_aggregate":
                # A message has the dtype of its operands: of so few bits, that none is rounded.
                a, b = np.round(4 * a) / 4, np.round(4 * b) / 4
            columns.append((a, b, *definitions.contract(algebra, a, b, entries, g)))
        arrays = map(np.stack, zip(*columns, strict=True))
        made |= {f"{dtype}/{key}": x for key, x in zip(("left", "right", "out", "d_left", "d_right"), arrays)}
        made[f"{dtype}/g"] = g
    return made


def members_of(algebra, dtype, operation="semiring_matmul"):
    """The situations of an algebra that a dtype can express."""
    if dtype == "int32":
        return ("ties",)
    members = FEW_BITS if operation == "semiring_ell_edge_aggregate" else MEMBERS[algebra]
    return tuple(name for name in members if name in MEMBERS[algebra] and (name != "tiny" or dtype in TINY))


def gaussians():
    """Every array of the Gaussian filter: plain in each mode, then the first derivative along both axes."""
    made = {}
    for dtype in FLOATS:
        rng = np.random.default_rng(21)
        x, g = rounded(rng.normal(size=(5, 8)), dtype), rng.integers(-8, 9, (5, 8)) / 8
        results = [definitions.gaussian(x, SIGMAS, mode, CVAL, order, g) for mode, order in gaussian_cases()]
        made |= {f"{dtype}/x": x, f"{dtype}/g": g}
        made |= {f"{dtype}/{key}": np.stack(values) for key, values in zip(("out", "d_x"), zip(*results))}
    return made


def gaussian_cases():
    """(mode, order) in the order of the stacks."""
    return [*((mode, 0) for mode in MODES), ("reflect", 1)]


def surfaces():
    """Stiffness and consistent mass of the sheet, and fields smoothed on it by operators that float32 holds exactly."""
    stiffness, mass = definitions.finite_elements(VERTICES, FACES)
    made = {
        f"{dtype}/{key}": x for dtype in FLOATS[:2] for key, x in (("stiffness", stiffness), ("mass", mass))
    }
    stored, areas = (rounded(x, "float32") for x in (stiffness, mass.sum(1)))
    for dtype in FLOATS:
        rng = np.random.default_rng(22)
        x, g = (
            rounded(rng.normal(size=(len(VERTICES), 3)), dtype),
            rng.integers(-8, 9, (len(VERTICES), 3)) / 8,
        )
        out, d_x = definitions.heat(stored, areas, SIGMA, x, g)
        made |= {f"{dtype}/{key}": values for key, values in (("x", x), ("g", g), ("out", out), ("d_x", d_x))}
    return made | {"operator/stiffness": stored, "operator/areas": areas}


FILTERS = ("bilateral", "bilateral_gaussian", "permutohedral_lattice", "susan_emulator")
WINDOW, SIGMA_SPACE, SIGMA_INTENSITY, THRESHOLD = (
    (2, 1),
    (1.5, 0.75),
    (0.75, 1.5),
    1.25,
)  # voxels, and intensities
NEAR = np.array([[4, 0, 3], [1, 1, 6], [2, 5, 0], [3, 0, 1], [6, 2, 4], [5, 4, 2], [0, 6, 6]])
FEATURE_SIGMA = (0.75, 1.0, 1.5)


def filters():
    """Filters in spaces of features: of an image with two guides, and of two values at seven points of three features.

    Those that are linear in what they filter have the cotangent of it, by the matrix that they are.
    """
    made = {}
    for dtype in FLOATS:
        rng = np.random.default_rng(23)
        x, guide = (rounded(rng.normal(size=shape), dtype) for shape in ((5, 6), (2, 5, 6)))
        v, f = (rounded(rng.normal(size=shape), dtype) for shape in ((7, 2), (7, 3)))
        g, h = rng.integers(-8, 9, (5, 6)) / 8, rng.integers(-8, 9, (7, 2)) / 8
        joint = lambda x, guide=guide: window_filters.bilateral(
            x, guide, SIGMA_SPACE, SIGMA_INTENSITY, WINDOW
        )
        units = np.eye(30).reshape(30, 5, 6)
        matrices = {
            "bilateral_gaussian": definitions.averages(f, FEATURE_SIGMA, NEAR),
            "permutohedral_lattice": permutohedral.permutohedral(np.eye(7), f, FEATURE_SIGMA),
        }
        made |= {
            f"{dtype}/{key}": y for key, y in zip(("x", "guide", "v", "f", "g", "h"), (x, guide, v, f, g, h))
        }
        made[f"{dtype}/bilateral"] = joint(x[None])[0]
        made[f"{dtype}/bilateral d"] = (joint(units) * g).sum((1, 2)).reshape(5, 6)
        made[f"{dtype}/susan_emulator"] = window_filters.susan(x, SIGMA_SPACE, THRESHOLD, WINDOW)
        for name, matrix in matrices.items():
            made |= {f"{dtype}/{name}": matrix @ v, f"{dtype}/{name} d": matrix.T @ h}
    return made


MORPHOLOGY = ("erode", "dilate", "open", "close", "median_filter", "rank_filter", "max_pool")
ELEMENT = np.array([[0, -0.5, -np.inf], [0.25, 0, -1]])  # heights of few bits, one entry left out
FOOTPRINT = np.isfinite(ELEMENT)
METRICS = ("euclidean", "city_block", "chebyshev")
RANK, POOL, SPACING = 1, (2, 2), (1.5, 0.5)


def morphology():
    """Minima, maxima, medians and pools of an image with ties and infinities, and distances of a mask."""
    made = {}
    for dtype in (*FLOATS, "int32"):
        x = np.random.default_rng(24).integers(-6, 7, (5, 6)) / (1 if dtype == "int32" else 4)
        if dtype != "int32":
            x[0, 1], x[3, 4] = np.inf, -np.inf
        element = FOOTPRINT if dtype == "int32" else ELEMENT
        pooled = ranks.pooled(x, POOL, POOL, (0, 0), (1, 1))
        made |= {
            f"{dtype}/x": x,
            f"{dtype}/erode": grayscale.erode(x, element),
            f"{dtype}/dilate": grayscale.dilate(x, element),
            f"{dtype}/open": grayscale.dilate(grayscale.erode(x, element), element),
            f"{dtype}/close": grayscale.erode(grayscale.dilate(x, element), element),
            f"{dtype}/median_filter": ranks.median(x, FOOTPRINT),
            f"{dtype}/rank_filter": ranks.by_rank(x, FOOTPRINT, RANK),
            f"{dtype}/max_pool": pooled[0],
        }
    mask = np.random.default_rng(25).random((5, 6)) < 0.8
    made["mask"] = mask
    for metric in METRICS:
        made[f"distance {metric}"] = distances.pairwise(mask, metric, SPACING)
    return made


def everything():
    """File name -> arrays."""
    made = {f"{op}-{algebra}.npz": products(op, algebra) for op in OPERATIONS for algebra in MEMBERS}
    return made | {
        "gaussian.npz": gaussians(),
        "surface.npz": surfaces(),
        "filters.npz": filters(),
        "morphology.npz": morphology(),
        "foundations.npz": foundations.arrays(),
        "spaces.npz": spaces.arrays(),
    }


if __name__ == "__main__":
    for file, arrays in everything().items():
        np.savez_compressed(HERE / file, **arrays)
