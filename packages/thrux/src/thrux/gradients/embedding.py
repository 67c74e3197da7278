"""Gradients of connectivity in memory: nitrix's embeddings, made ready for files."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float

from thrux.errors import ThruxError
from thrux.options import check_choice

Approach = Literal["diffusion", "eigenmaps"]


class Gradients(NamedTuple):
    """Maps, and how well the eigenproblem behind them was solved."""

    maps: Float[np.ndarray, "place k"]  # 0 where a place is left out
    eigenvalues: Float[np.ndarray, " k"]
    residuals: Float[np.ndarray, " k"]
    left_out: Bool[np.ndarray, " place"]


def gradients(
    values: Float[np.ndarray, "place other"],
    *,
    series: bool,
    approach: Approach = "diffusion",
    components: int = 10,
    sparsity: float | int = 0.9,
    alpha: float | int = 0.5,
) -> Gradients:
    """Maps of places by what they are connected with, the first one along which that changes most smoothly.

    Of each row of the connectivity the largest entries are kept, negative ones never; two places are as alike as
    the kept rows, by their cosine; and the likeness is embedded.

    Args:
      values: Connectivity, a symmetric matrix; or series in time, a row for each place, of which correlations are
        taken and no matrix of all places is ever held.
      series: Which of the two it is.
      approach: "diffusion" maps or Laplacian "eigenmaps".
      components: How many maps.
      sparsity: The share of each row that is left out.
      alpha: Of diffusion maps: how far the density of places is taken out, from 0 to 1.
    Returns:
      The maps, in float64 for a matrix and in float32 for series. Places without connectivity (constant series, rows
      of 0 beside the diagonal) are left out, and 0. Of eigenvalues diffusion maps have m / (1 - m), m being those of
      the random walk, and eigenmaps those of the normalised Laplacian.
    Raises:
      ThruxError: If values are not finite or options wrong, if the graph falls into parts, or if the eigenvectors are
        not found.
    References:
      Margulies et al., PNAS 113(44), 2016. doi:10.1073/pnas.1608282113
    Example:
      >>> import numpy as np
      >>> place = np.linspace(0, 1, 30)
      >>> matrix = np.exp(-4 * (place[:, None] - place) ** 2)  # of neighbours on a line
      >>> found = gradients(matrix, series=False, components=1, sparsity=0.5)
      >>> bool(abs(np.corrcoef(found.maps[:, 0], place)[0, 1]) > 0.95)
      True
    """
    check_choice("approach", approach, Approach)
    _check(values, components, sparsity, alpha)
    present = _varying(values) if series else _connected(values)
    if present.sum() <= components:
        raise ThruxError(
            f"{int(present.sum())} places with connectivity have fewer maps than that, beside the constant one",
            field="components",
            value=components,
            remedy="Ask for fewer, and check the data",
        )
    if series:
        found = _embedded(_of_series, values[present], approach, components, sparsity, alpha)
    else:
        with jax.enable_x64(True):
            found = _embedded(
                _of_matrix, values[np.ix_(present, present)], approach, components, sparsity, alpha
            )
    maps = np.zeros((len(values), components), found.maps.dtype)
    maps[present] = found.maps
    return Gradients(maps, np.asarray(found.eigenvalues), np.asarray(found.residuals), ~present)


def _embedded(
    affinity: Callable[[np.ndarray, float], Any],
    values: np.ndarray,
    approach: Approach,
    components: int,
    sparsity: float | int,
    alpha: float | int,
) -> Any:
    from nitrix.graph import diffusion_embedding, laplacian_eigenmap

    try:
        likeness = affinity(values, float(sparsity))
        if approach == "diffusion":
            found = diffusion_embedding(likeness, n_components=components, alpha=alpha)
        else:
            found = laplacian_eigenmap(likeness, n_components=components)
    except ValueError as refusal:  # a graph that falls into parts
        raise ThruxError(
            f"its connectivity has no gradients ({str(refusal).rstrip('.')})",
            field="sparsity",
            value=sparsity,
            remedy="Keep more of each row by a smaller --sparsity, or leave places out",
        ) from None
    if not bool(found.converged):
        raise ThruxError(
            f"the maps were not found to the accuracy that was asked for: residuals {np.asarray(found.residuals)}",
            field="components",
            value=components,
            remedy="Ask for fewer components, or keep more of each row by a smaller --sparsity",
        )
    return jax.tree.map(np.asarray, found)


def _of_series(series: Float[np.ndarray, "place frame"], sparsity: float) -> Any:
    from nitrix.graph import affinity_from_time_series

    return affinity_from_time_series(jax.device_put(np.ascontiguousarray(series)), sparsity=sparsity)


def _of_matrix(matrix: Float[np.ndarray, "place place"], sparsity: float) -> Float[np.ndarray, "place place"]:
    """The cosines of rows of which the largest entries are kept."""
    kept = max(2, math.floor((1 - sparsity) * len(matrix) + 1e-6))  # as of series
    least = np.partition(matrix, len(matrix) - kept, axis=1)[:, [len(matrix) - kept]]
    rows = np.where(matrix >= np.maximum(least, 0), matrix, 0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.clip(rows @ rows.T, 0, 1)


def _varying(series: Float[np.ndarray, "place frame"]) -> Bool[np.ndarray, " place"]:
    return np.any(series != series[:, :1], axis=1)


def _connected(matrix: Float[np.ndarray, "place place"]) -> Bool[np.ndarray, " place"]:
    """Which rows have a positive entry beside the diagonal."""
    return np.any((matrix > 0) & ~np.eye(len(matrix), dtype=bool), axis=1)


def _check(values: np.ndarray, components: int, sparsity: float | int, alpha: float | int) -> None:
    if components < 1:
        raise ThruxError(
            "one map at least is needed", field="components", value=components, remedy="Give 1 to 10"
        )
    if not 0 <= sparsity < 1:
        raise ThruxError(
            "it is a share that is left out, from 0 to less than 1",
            field="sparsity",
            value=sparsity,
            remedy="Give for instance 0.9",
        )
    if not 0 <= alpha <= 1:
        raise ThruxError(
            "it must lie from 0 to 1", field="alpha", value=alpha, remedy="Give for instance 0.5"
        )
    bad = int((~np.isfinite(values)).any(axis=1).sum())
    if bad:
        raise ThruxError(
            f"the values of {bad} of {len(values)} places are NaN or infinite",
            field="data",
            remedy="Leave these places out, or set them to 0 to have them left out",
        )
