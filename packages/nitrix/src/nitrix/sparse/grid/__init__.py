"""Regular grids as sparse matrices: stencils and bands with every boundary mode, neighbourhoods in millimetres."""

from nitrix.sparse.grid.band import band_matrix as band_matrix
from nitrix.sparse.grid.neighbourhood import grid_neighbourhood as grid_neighbourhood
from nitrix.sparse.grid.operators import grid_gradient as grid_gradient
from nitrix.sparse.grid.operators import grid_laplacian as grid_laplacian
from nitrix.sparse.grid.stencil import grid_identity as grid_identity
from nitrix.sparse.grid.stencil import regular_grid_stencil as regular_grid_stencil
