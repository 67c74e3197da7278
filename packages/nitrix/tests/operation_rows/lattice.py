"""Rows of the permutohedral lattice of `nitrix.smoothing`."""

import jax
import numpy as np
from nitrix.smoothing import permutohedral_filter, permutohedral_lattice, permutohedral_structure
from support import permutohedral

from operation_rows.row import BATCH, Row, each, normal

OTHERS = {
    "smoothing.permutohedral_structure": "builds what `permutohedral_filter` uses; `permutohedral_lattice` "
    "differentiates through both"
}
PLACES = normal(6, 2, seed=14)


def rows():
    """The filter with its lattice, and on one that was built before."""
    widths = np.linspace(0.75, 1.625, BATCH)
    lattices = {np.dtype("float32"): permutohedral_structure(PLACES.astype(np.float32), sigma_features=1.0)}
    with jax.enable_x64(True):
        lattices[np.dtype("float64")] = permutohedral_structure(PLACES, sigma_features=1.0)

    def built_before(values):
        lattice = lattices.get(values.dtype, lattices[np.dtype("float32")])
        return permutohedral_filter(lattice, values, normalise=False)

    return [
        Row(
            "smoothing.permutohedral_lattice",
            "",
            each(lambda v, f, s: permutohedral_lattice(v, f, sigma_features=s), 2),
            lambda v, f, s: permutohedral.permutohedral(v, f, s),
            (normal(BATCH, 6, 2), normal(BATCH, 6, 2, seed=12), widths),
            everyday=False,
        ),
        Row(
            "smoothing.permutohedral_filter",
            "",
            each(built_before, 2),
            lambda v: permutohedral.permutohedral(v, PLACES, normalise=False),
            (normal(BATCH, 6, 2),),
        ),
    ]
