"""Rows of spheres: distances, rotations, convolutions."""

import numpy as np
from nitrix import geometry
from support import sphere

from operation_rows.row import BATCH, NO_FORWARD_MODE, Row, each, normal

_OPERATOR = "an operator between two spheres, built on the host; `apply_operator` differentiates in the field"
OTHERS = {
    "geometry.icosphere": "`sparse.icosphere` under its other name",
    "geometry.spherical_geodesic": "another name of `geometry.spherical_geodesic_distance`",
    "geometry.sphere_to_latlong": "another name of `geometry.cartesian_to_latlong`",
    "geometry.sphere_to_normals": "another name of `geometry.latlong_to_cartesian`",
    "geometry.directional_neighbourhood": "orders neighbours by direction on the host; whole numbers",
    "geometry.sphere_barycentric": _OPERATOR,
    "geometry.sphere_adaptive": _OPERATOR,
    "geometry.resample_labels": "chooses among whole numbers; no derivative passes through a choice",
}

AROUND = geometry.directional_neighbourhood(geometry.icosphere(0))
TABLE = np.asarray(AROUND.indices)
WHOLE = np.asarray(AROUND.valid)
TURNS = np.linspace(-2, 3, BATCH).astype("bfloat16").astype(float)


def rows():
    """Each on a few points."""
    x, y = normal(BATCH, 4, 3), normal(BATCH, 3, 3, seed=12)
    points, fields = normal(BATCH, 12, 3, seed=13), normal(BATCH, 12, 2)
    return [
        _row("spherical_geodesic_distance", geometry.spherical_geodesic_distance, sphere.geodesic, x, y),
        _row("rotation_matrix", geometry.rotation_matrix, sphere.rotation, y[:, 0], TURNS),
        _row(
            "rotate_axis_angle",
            lambda points, axis, angle: geometry.rotate_axis_angle(
                points, axis[..., None, :], angle[..., None]
            ),
            lambda points, axis, angle: points @ sphere.rotation(axis, angle).T,
            x,
            y[:, 0],
            TURNS,
            everyday=False,
        ),
        _row(
            "spherical_conv",
            each(lambda x, c: geometry.spherical_conv(x, c, sigma=1.5, neighbourhood=TABLE), 2),
            lambda x, c: sphere.gaussian_conv(x, c, TABLE, 1.5),
            fields,
            points,
        ),
        _row(
            "spherical_kernel_conv",
            each(lambda x, kernel: geometry.spherical_kernel_conv(x, kernel, AROUND), 2),
            lambda x, kernel: sphere.kernel_conv(x, kernel, TABLE, WHOLE),
            fields,
            normal(BATCH, 6, 2, 2, seed=14),
            refusals={"jvp": NO_FORWARD_MODE},
        ),
    ]


def _row(name, call, definition, *operands, everyday=True, refusals=None):
    return Row(f"geometry.{name}", "", call, definition, operands, refusals or {}, everyday)
