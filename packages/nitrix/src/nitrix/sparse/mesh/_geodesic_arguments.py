"""What geodesic distances are asked of, checked in words."""

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.sparse.ell._entries import sections_of
from nitrix.sparse.ell._pack import constant
from nitrix.sparse.ell.container import ELL
from nitrix.sparse.ell.sectioned import SectionedELL


def check_lengths(function: str, lengths: ELL | SectionedELL) -> None:
    """Refuse what is no square matrix of lengths."""
    if len(lengths.shape) != 2 or lengths.n_rows != lengths.n_cols:
        raise ValueError(
            f"{function}: lengths is of shape {tuple(lengths.shape)}, but a square matrix is needed, a row and a "
            f"column for each vertex (for a batch use jax.vmap)."
        )
    dtype = lengths.dtype
    if not (jnp.issubdtype(dtype, jnp.floating) or jnp.issubdtype(dtype, jnp.integer)):
        raise TypeError(f"{function}: lengths are of dtype {dtype}, but real numbers are needed.")
    for section in sections_of(lengths):
        arrays = [section.values, *([] if section.degree is None else [section.degree])]
        if any(isinstance(array, jax.core.Tracer) for array in arrays):
            continue
        with jax.ensure_compile_time_eval():
            wrong = np.asarray((section.values < 0) & section.valid)
        if wrong.any():
            worst = np.asarray(section.values, np.float64)[wrong].min()
            raise ValueError(
                f"{function}: {int(wrong.sum())} lengths are negative, the least {worst}; give lengths of 0 or more."
            )


def vertex_numbers(function: str, sources: Any, n: int) -> Array:
    """Sources as int32, in range where that can be seen."""
    if not isinstance(sources, jax.core.Tracer):
        host = np.asarray(sources)
        if host.dtype.kind not in "iu":
            raise TypeError(
                f"{function}: sources are of dtype {host.dtype}, but integers are needed, vertex numbers."
            )
        if host.size and (host.min() < 0 or host.max() >= n):
            raise ValueError(
                f"{function}: sources range from {host.min()} to {host.max()}, but vertices are numbered from 0 to "
                f"{n - 1}."
            )
        return constant(host.astype(np.int32))
    if not jnp.issubdtype(sources.dtype, jnp.integer):
        raise TypeError(
            f"{function}: sources are of dtype {sources.dtype}, but integers are needed, vertex numbers."
        )
    return sources.astype(jnp.int32)


def at_least_0(function: str, max_iterations: Any) -> int:
    """An integer that is not negative."""
    try:
        number = operator.index(max_iterations)
    except TypeError:
        raise TypeError(
            f"{function}: max_iterations is {max_iterations!r}, but an integer is needed, a number of edges."
        ) from None
    if number < 0:
        raise ValueError(
            f"{function}: max_iterations is {number}; give 0 or more, or None for paths of any length."
        )
    return number


def wide_values(values: Array) -> Array:
    """Reals of at least 32 bits."""
    if jnp.issubdtype(values.dtype, jnp.floating) and values.dtype.itemsize >= 4:
        return values
    return values.astype(jnp.float32)
