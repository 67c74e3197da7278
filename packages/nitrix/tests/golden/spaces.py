"""Members of the corpus from geometry and graphs: operands, and what definitions give."""

import numpy as np
from support import connectopy, coords, displacement, graphs, metrictensor, sphere

SHAPE = (4, 5, 3)
SOURCE, TARGET = np.diag([2.0, 1.0, 0.5, 1.0]), np.diag([1.0, 1.0, 0.25, 1.0])
ALPHA, TIME, MAPS = 0.5, 2.0, 3
SIGMA = 0.5
EIGENSYSTEMS = ("eigenmaps", "diffusion")


def operands():
    """Arrays that float32 and float64 both hold exactly."""
    rng = np.random.default_rng(37)
    rounded = lambda x: np.float64(np.float32(x))
    halves = lambda *shape: rng.integers(-4, 5, shape) / 8
    points = rng.integers(-8, 9, (9, 3)) / 8 + np.array([0.0, 0.0, 1.5])
    signed = graphs.weights(8, density=0.7, signed=True, seed=3)
    return {
        "image": rounded(rng.normal(size=(*SHAPE, 2))),
        "u": halves(*SHAPE, 3),
        "v": halves(*SHAPE, 3),
        "weight": rng.integers(0, 9, SHAPE) / 8,
        "points": points,
        "data": rounded(rng.normal(size=(9, 2))),
        "low_rank": halves(9, 3, 2),
        "diag": rng.integers(1, 9, (9, 3)) / 8,
        "signed": rounded(signed),
        "weights": rounded(connectopy.weights(8, seed=2)),
        "C": rng.integers(0, 9, (8, 3)) / 8,
    }


def arrays():
    """Operands and members, as they are stored."""
    o = operands()
    return {f"operands/{k}": v for k, v in o.items()} | {f"members/{k}": v for k, v in definitions(o).items()}


def definitions(o):
    """Each member by its name."""
    jacobian = displacement.jacobian(o["u"])
    every_pair = [range(9)] * 9
    a, b = o["points"][:4], o["points"][4:8]
    metric = np.stack(
        [metrictensor.low_rank_plus_diag(*one) for one in zip(o["low_rank"], o["diag"], strict=True)]
    )
    return {
        "linear": displacement.sampled(o["image"], displacement.grid(SHAPE) + o["u"]),
        "composed": displacement.composed(o["u"], o["v"]),
        "integrated": displacement.integrated(o["u"], 4),
        "jacobian": jacobian,
        "determinant": np.linalg.det(jacobian),
        "affine": displacement.affine_coordinates(SHAPE, TARGET, SOURCE, np.eye(4)),
        "centre of a grid": coords.centre_of_image(o["weight"]),
        "centres of points": coords.centres(o["C"].T, o["points"][:8]),
        "latlong": np.stack([coords.latlong(p) for p in o["points"]]),
        "geodesic": sphere.geodesic(o["points"], o["points"][:4]),
        "rotation": sphere.rotation(o["points"][0], 0.75),
        "spherical_conv": sphere.gaussian_conv(o["data"], o["points"], every_pair, SIGMA),
        "quadratic_form": np.stack(
            [metrictensor.quadratic(*one) for one in zip(o["points"], metric, strict=True)]
        ),
        "length": np.stack(
            [np.sqrt(metrictensor.quadratic(y - x, metric[0])) for x, y in zip(a, b, strict=True)]
        ),
        "laplacian": graphs.laplacian(o["weights"]),
        "laplacian, random walk": graphs.laplacian(o["weights"], "random_walk"),
        "modularity": graphs.modularity_matrix(o["signed"], sign=None),
        "relaxed modularity": np.float64(graphs.relaxed_modularity(o["signed"], o["C"])),
        "coaffiliation": graphs.coaffiliation(o["C"]),
        "eigenmaps": connectopy.eigenmaps(o["weights"], MAPS)[0],
        "diffusion": connectopy.diffusion(o["weights"], MAPS, ALPHA, TIME)[0],
    }
