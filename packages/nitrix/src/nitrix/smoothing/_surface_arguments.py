"""Reads and checks the arguments of smoothing on surfaces: what is known before tracing is refused in words."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Inexact, Real

from nitrix._arguments import known_value
from nitrix.smoothing._heat import MOST, Spectrum, degree_for, map_values, spectrum
from nitrix.smoothing.gaussian import FWHM_PER_SIGMA
from nitrix.sparse import ELL, SectionedELL

_LEAST = 1e-12  # of tolerances: beyond are roundings


def known_degree(needed: int | None) -> int:
    if needed is None:
        raise ValueError(
            "surface_gaussian: the width, stiffness or mass is traced, so the number of products cannot be chosen; "
            "give degree=, for instance surface_gaussian_degree(...) of the widest case, found outside jit."
        )
    return needed


def plan(operator: Any, area: Array, t: Array, tolerance: float) -> tuple[Spectrum, int | None]:
    """What the operator is like, and how many products are needed, None if something is traced."""
    if not _LEAST <= tolerance < 1:
        raise ValueError(f"surface_gaussian: tolerance={tolerance} must be from {_LEAST:g} to below 1.")
    plain = jax.tree.map(_primal, (operator, area, t))
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(plain)):
        return spectrum(*plain[:2]), None
    with jax.ensure_compile_time_eval():
        host = np.asarray(plain[1])
        if not (np.isfinite(host) & (host >= 0)).all():
            bad = int(np.argmin(np.isfinite(host) & (host >= 0)))
            raise ValueError(
                f"surface_gaussian: mass[{bad}] is {host[bad]}; an area is finite and not negative."
            )
        found = spectrum(*plain[:2])
    widest = float(found.widest)
    if not math.isfinite(widest):
        raise ValueError(
            "surface_gaussian: stiffness has entries that are not finite, or too large for the areas in mass; look for "
            "degenerate triangles."
        )
    if found.detached:
        rows = "a vertex without area has entries in stiffness; leave the triangles without area out of both"
        raise ValueError(f"surface_gaussian: {rows}.")
    if found.asymmetric or found.negative:
        what = "not symmetric" if found.asymmetric else "negative definite in places"
        raise ValueError(
            f"surface_gaussian: stiffness is {what}; give the integrated Laplacian (symmetric, positive diagonal), "
            f"such as mesh_cotangent_laplacian makes it, not divided by areas or degrees."
        )
    needed = degree_for(float(plain[2]) * widest / 2, tolerance)
    if needed is None:
        raise ValueError(
            f"surface_gaussian: this width needs more than {MOST} products, since the largest eigenvalue is up to "
            f"{widest:.3g} per mm^2; check that width and coordinates are in mm, and look for slivers of triangles."
        )
    return found, needed


def operators(stiffness: Any, mass: Any, dtype: np.dtype) -> tuple[Any, Array]:
    """The matrix and the areas in the working dtype, of shapes that fit."""
    if not isinstance(stiffness, ELL | SectionedELL):
        raise TypeError(
            f"surface_gaussian: stiffness is {type(stiffness).__name__}; give an ELL or a SectionedELL, such as "
            f"mesh_cotangent_laplacian makes."
        )
    area = cast(mass, dtype)
    if (
        len(stiffness.shape) != 2
        or stiffness.shape[0] != stiffness.shape[1]
        or area.shape != stiffness.shape[:1]
    ):
        raise ValueError(
            f"surface_gaussian: stiffness has shape {stiffness.shape} and mass {area.shape}; give a square matrix and "
            f"one area for each of its rows."
        )
    return map_values(stiffness, lambda values: cast(values, dtype)), area


def floating(x: Any) -> Inexact[Array, "*batch n d"]:
    field = jnp.asarray(x)
    if jnp.iscomplexobj(field) or not (
        jnp.issubdtype(field.dtype, jnp.number) or jnp.issubdtype(field.dtype, jnp.bool_)
    ):
        raise TypeError(f"surface_gaussian: x has dtype {field.dtype}; give an array of real numbers.")
    if field.ndim < 2:
        raise ValueError(f"surface_gaussian: x has shape {field.shape}; give [n, d], one map as x[:, None].")
    if jnp.issubdtype(field.dtype, jnp.floating):
        return field
    return field.astype(jax.dtypes.canonicalize_dtype(np.float64))


def time(sigma: Any, fwhm: Any, dtype: np.dtype) -> Real[Array, ""]:
    """Sigma^2 / 2; NaN for a width that could not be refused."""
    if (sigma is None) == (fwhm is None):
        given = "none" if sigma is None else "both"
        raise ValueError(f"surface_gaussian: give either sigma or fwhm; {given} of them was given.")
    what, width, factor = ("fwhm", fwhm, FWHM_PER_SIGMA) if sigma is None else ("sigma", sigma, 1.0)
    if np.shape(width) != ():
        raise ValueError(f"surface_gaussian: {what} has shape {np.shape(width)}; give one number.")
    known = known_value(width)
    if known is not None and not (math.isfinite(known) and known >= 0):
        raise ValueError(f"surface_gaussian: {what}={known} must be finite and not negative, in mm.")
    if not isinstance(width, jax.Array):
        return cast((float(width) / factor) ** 2 / 2, dtype)
    scaled = cast(width, dtype)
    if known is None:
        scaled = jnp.where(scaled >= 0, scaled, jnp.nan)
    return (scaled / np.asarray(factor, dtype)) ** 2 / 2


def _primal(value: Array) -> Array:
    """The value without its tangent: known under `grad`. What is known anyway is left alone, to stay so under `jit`."""
    return lax.stop_gradient(value) if isinstance(value, jax.core.Tracer) else value


def cast(value: Any, dtype: np.dtype) -> Array:
    """An array of `dtype`; one whose numbers are known keeps them known under `jit`."""
    if isinstance(value, jax.core.Tracer):
        return value.astype(dtype)
    with jax.ensure_compile_time_eval():
        return jnp.asarray(value).astype(dtype)
