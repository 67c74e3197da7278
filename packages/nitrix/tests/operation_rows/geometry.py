"""Rows of displacement fields, affines, centres of mass, coordinates and metric tensors."""

import jax.numpy as jnp
import numpy as np
from nitrix.geometry import (
    affine_grid,
    cartesian_to_latlong,
    center_of_mass_grid,
    center_of_mass_points,
    compactness_penalty,
    compose_displacements,
    displacement_from_reference_grid,
    displacement_from_reference_points,
    integrate_along_line_segment,
    integrate_velocity_field,
    invert_displacement,
    jacobian_det_displacement,
    jacobian_displacement,
    latlong_to_cartesian,
    metric_tensor_field_diag_plus_low_rank,
    quadratic_form,
    quadratic_form_low_rank_plus_diag,
    rescale_displacement,
    sample_along_line_segment,
)
from support import coords, displacement, metrictensor

from operation_rows.row import BATCH, Row, each, normal

OTHERS = {
    "geometry.cmass_regular_grid": "another name of `geometry.center_of_mass_grid`",
    "geometry.cmass_coor": "another name of `geometry.center_of_mass_points`",
    "geometry.cmass_reference_displacement_grid": "another name of `geometry.displacement_from_reference_grid`",
    "geometry.cmass_reference_displacement_coor": "another name of `geometry.displacement_from_reference_points`",
    "geometry.diffuse": "another name of `geometry.compactness_penalty`",
    "geometry.vec_int": "another name of `geometry.integrate_velocity_field`",
}


def rows():
    """Fields of displacements, weighted points, metrics."""
    return [*_fields(), *_points(), *_metrics()]


def _row(name, call, definition, *operands, everyday=True):
    return Row(f"geometry.{name}", "", call, definition, operands, everyday=everyday)


def _fields():
    u = normal(BATCH, 4, 3, 2)
    w = np.floor(4 * normal(BATCH, 4, 3, 2, seed=12)) / 4 + 0.125  # never to a voxel, where the slope jumps
    slight = (0.125 * normal(BATCH, 4, 3, 2, seed=13)).astype("bfloat16").astype(float)
    turned = 2 * np.eye(3) + 0.5 * np.triu(normal(BATCH, 3, 3, seed=14), 1)
    turned[:, 2, 2] = 1
    return [
        _row(
            "integrate_velocity_field",
            lambda v: integrate_velocity_field(v, n_steps=3),
            lambda v: displacement.integrated(v, 3),
            u,
        ),
        _row("compose_displacements", compose_displacements, displacement.composed, u, w),
        _row(
            "invert_displacement",
            each(lambda u: invert_displacement(u, tol=0.0, n_iter=60).inverse, 3),
            displacement.inverted,
            slight,
            everyday=False,
        ),
        _row(
            "rescale_displacement",
            lambda u: rescale_displacement(u, 2),
            lambda u: 2 * displacement.sampled(u, displacement.aligned((4, 3), (8, 6))),
            u,
            everyday=False,
        ),
        _row("jacobian_displacement", jacobian_displacement, displacement.jacobian, u, everyday=False),
        _row(
            "jacobian_det_displacement",
            jacobian_det_displacement,
            lambda u: np.linalg.det(displacement.jacobian(u)),
            u,
        ),
        _row(
            "affine_grid",
            lambda t, s: affine_grid((2, 3), target_affine=t, source_affine=s),
            lambda t, s: displacement.affine_coordinates((2, 3), t, s, np.eye(3)),
            turned,
            turned[::-1].copy(),
        ),
    ]


def _points():
    weight = np.abs(normal(BATCH, 3, 5)) + 0.5
    weight = weight.astype("bfloat16").astype(float)
    image, place = weight, normal(BATCH, 2, seed=15)
    points, reference = normal(BATCH, 5, 3, seed=16), normal(BATCH, 3, 3, seed=17)
    return [
        _row(
            "center_of_mass_grid",
            lambda w: center_of_mass_grid(w, axes=(-2, -1)),
            coords.centre_of_image,
            image,
        ),
        _row(
            "displacement_from_reference_grid",
            lambda w, r: displacement_from_reference_grid(w, r, axes=(-2, -1)),
            lambda w, r: coords.centre_of_image(w) - r,
            image,
            place,
            everyday=False,
        ),
        _row("center_of_mass_points", center_of_mass_points, coords.centres, weight, points),
        _row(
            "displacement_from_reference_points",
            displacement_from_reference_points,
            lambda w, r, x: coords.centres(w, x) - r,
            weight,
            reference,
            points,
            everyday=False,
        ),
        _row(
            "compactness_penalty",
            compactness_penalty,
            lambda w, x: np.stack([coords.spread(region, x) for region in w]),
            weight,
            points,
        ),
        _row("cartesian_to_latlong", cartesian_to_latlong, coords.latlong, points[:, 0], everyday=False),
        _row("latlong_to_cartesian", latlong_to_cartesian, coords.cartesian, place),
    ]


def _metrics():
    x, end = normal(BATCH, 3, seed=18), normal(BATCH, 3, seed=19)
    low_rank, diag = normal(BATCH, 3, 2, seed=20), np.abs(normal(BATCH, 3, seed=21))
    metric = low_rank @ np.swapaxes(low_rank, -1, -2)
    metric = metric.astype("bfloat16").astype(float)
    factors = lambda xp: lambda x: xp.stack([x, x**2], -1)
    return [
        _row("quadratic_form", quadratic_form, metrictensor.quadratic, x, metric, everyday=False),
        _row(
            "quadratic_form_low_rank_plus_diag",
            lambda x, L, d: quadratic_form_low_rank_plus_diag(x, (L, d)),
            lambda x, L, d: metrictensor.quadratic(x, metrictensor.low_rank_plus_diag(L, d)),
            x,
            low_rank,
            diag,
        ),
        _row(
            "metric_tensor_field_diag_plus_low_rank",
            lambda x: metric_tensor_field_diag_plus_low_rank(x, factors(jnp), lambda x: 1 + x**2),
            lambda x: metrictensor.low_rank_plus_diag(factors(np)(x), 1 + x**2),
            x,
            everyday=False,
        ),
        _row(
            "sample_along_line_segment",
            lambda a, b: sample_along_line_segment(a, b, 4),
            lambda a, b: np.stack([(1 - t) * a + t * b for t in (0, 1 / 3, 2 / 3, 1)]),
            x,
            end,
            everyday=False,
        ),
        _row(
            "integrate_along_line_segment",
            lambda a, b: integrate_along_line_segment(a, b, lambda x: 1 + x**2, 2, norm=_diagonal),
            _length_under_one_plus_square,
            x,
            end,
        ),
    ]


def _diagonal(v, d):
    return quadratic_form_low_rank_plus_diag(v, (jnp.zeros((3, 1), v.dtype), d))


def _length_under_one_plus_square(a, b):
    """By the two points of the Gauss-Legendre rule."""
    nodes = 0.5 + np.array([-0.5, 0.5]) / np.sqrt(3)
    forms = [np.sum((1 + (a + t * (b - a)) ** 2) * (b - a) ** 2) for t in nodes]
    return np.array([np.mean(np.sqrt(forms))])
