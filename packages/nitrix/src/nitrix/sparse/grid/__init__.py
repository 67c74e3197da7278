"""Stencils and band matrices on regular grids as sparse matrices, with every boundary mode."""

from nitrix.sparse.grid.band import band_matrix as band_matrix
from nitrix.sparse.grid.operators import grid_gradient as grid_gradient
from nitrix.sparse.grid.operators import grid_laplacian as grid_laplacian
from nitrix.sparse.grid.stencil import grid_identity as grid_identity
from nitrix.sparse.grid.stencil import regular_grid_stencil as regular_grid_stencil
