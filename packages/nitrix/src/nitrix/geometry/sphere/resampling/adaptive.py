"""Values of one sphere at the vertices of another, each vertex of the source counted by its area."""

from typing import Any

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Num

from nitrix.geometry.sphere.directions import Floats, Rows
from nitrix.geometry.sphere.resampling._faces import Place, locate
from nitrix.sparse import ELL, Mesh, SectionedELL, ell_with_transpose, vertex_areas
from nitrix.sparse.ell._entries import on_host
from nitrix.sparse.mesh._rows import Format, packed

NAME = "sphere_adaptive"


def sphere_adaptive(
    source: Mesh,
    target: Mesh,
    *,
    source_area: Num[ArrayLike, " n"] | None = None,
    target_area: Num[ArrayLike, " m"] | None = None,
    format: Format = "ell",
) -> ELL | SectionedELL:
    """The operator that carries fields from one sphere to another and leaves no vertex of the source out.

    Runs on the host (NumPy) in float64. As Connectome Workbench's ADAP_BARY_AREA, the method of the Human Connectome
    Project [1]:

    1. Forward weights f[i, j]: those of `sphere_barycentric` from the source to target vertex i. Reverse weights
       g[i, j]: those of `sphere_barycentric` from the target to source vertex j: how much of j falls to i.
    2. Row i takes g where g has all vertices j that f has, as where the source is denser, and else f.
    3. Columns are scaled so that, weighted by the target's areas, they sum to the source's areas: now the integral of
       every field, its sum weighted by area, is kept.
    4. Rows are scaled to sum to 1: now constants are kept, and integrals nearly.

    Apply it by `nitrix.sparse.apply_operator`. For labels see `resample_labels`.

    Args:
      source: A closed sphere about the origin.
      target: Another one, registered to the first.
      source_area: The area of each vertex in mm^2, not negative: `nitrix.sparse.vertex_areas` of the surface in the
        brain that the fields live on. Default: of the sphere itself.
      target_area: The same for the target. Rows that have no weight but of vertices without area are left unweighted.
      format: "ell", "sectioned", or "auto": flat where that takes less than 1.5 slots for each entry, else sectioned.
    Returns:
      The matrix [m, n], whose rows sum to 1, with ascending columns, in the dtype of the source's vertices; its slots
      are listed by column, so that gradients gather.
    Raises:
      TypeError: If something is traced, or areas are not real numbers.
      ValueError: If areas are of another length, negative or not finite, a direction passes through no face of the
        other sphere, or the format is unknown.
    References:
      [1] M. F. Glasser et al., NeuroImage 80, 2013. doi:10.1016/j.neuroimage.2013.04.127
    Example:
      >>> import numpy as np
      >>> from nitrix.geometry import icosphere
      >>> fine, coarse = icosphere(4), icosphere(2)
      >>> down = sphere_adaptive(fine, coarse)
      >>> down.shape, int(np.unique(np.asarray(down.indices)).size)  # all of the 2,562 are used
      ((162, 2562), 2562)
    """
    areas = [
        _areas(f"{what}_area", given, mesh)
        for what, given, mesh in (("source", source_area, source), ("target", target_area, target))
    ]
    n, m = source.n_vertices, target.n_vertices
    on_source = locate(NAME, source, on_host(NAME, "the target", target.vertices))
    on_target = locate(NAME, target, on_host(NAME, "the source", source.vertices))
    rows, columns, weights = _adapted(on_source, on_target, m, n)
    values = _by_area(rows, columns, weights, *areas)
    degree = np.bincount(rows, minlength=m)
    values = values.astype(source.vertices.dtype)
    operator: ELL | SectionedELL = ell_with_transpose(packed(NAME, format, degree, columns, values, n_cols=n))
    return operator


def _adapted(on_source: Place, on_target: Place, m: int, n: int) -> tuple[Rows, Rows, Floats]:
    """Entries sorted by row and column: forward ones, or reverse ones where they reach as far."""
    size = max(n, 1)
    forward, f = _entries(np.arange(m)[:, None] * size + on_source.corners, on_source.weights)
    reverse, g = _entries(on_target.corners * size + np.arange(n)[:, None], on_target.weights)
    at = np.searchsorted(reverse, forward)
    missed = (
        reverse[np.minimum(at, len(reverse) - 1)] != forward if len(reverse) else np.ones(len(forward), bool)
    )
    narrow = np.bincount(forward // size, missed, m) > 0
    kept, other = narrow[forward // size], ~narrow[reverse // size]
    keys, order = np.unique(np.concatenate([forward[kept], reverse[other]]), return_index=True)
    return keys // size, keys % size, np.concatenate([f[kept], g[other]])[order]


def _entries(keys: Rows, weights: Floats) -> tuple[Rows, Floats]:
    """Those that are not 0, in ascending order."""
    present = weights > 0
    keys, weights = keys[present], weights[present]
    order = np.argsort(keys)
    return keys[order], weights[order]


def _by_area(rows: Rows, columns: Rows, weights: Floats, source: Floats, target: Floats) -> Floats:
    """Columns that sum, weighted by the target's areas, to the source's areas; then rows to 1."""
    shared = weights * target[rows]
    of_column = np.bincount(columns, shared, len(source))[columns]
    shared = weights * np.where(of_column > 0, source[columns] / np.where(of_column > 0, of_column, 1), 0)
    of_row = np.bincount(rows, shared, len(target))[rows]
    shared = np.where(of_row > 0, shared, weights)
    return shared / np.bincount(rows, shared, len(target))[rows]


def _areas(name: str, given: Any, mesh: Mesh) -> Floats:
    if given is None:
        on_host(NAME, "the array of vertices", mesh.vertices)
        given = vertex_areas(mesh, scheme="barycentric")
    areas = on_host(NAME, name, given)
    if areas.dtype.kind not in "iuf" and areas.dtype.name != "bfloat16":
        raise TypeError(f"{NAME}: {name} is of dtype {areas.dtype}; give real numbers.")
    if areas.shape != (mesh.n_vertices,):
        raise ValueError(
            f"{NAME}: {name} has shape {areas.shape}; give [{mesh.n_vertices}], one area for each vertex."
        )
    wide = areas.astype(np.float64)
    wrong = ~(np.isfinite(wide) & (wide >= 0))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(f"{NAME}: {name}[{at}] is {wide[at]}; an area is finite and not negative.")
    return wide
