"""Images on regular grids: sampling, resampling, displacement fields, affines, Jacobians, centres of mass."""

# Displacement fields, affines, and what they do to space.
from nitrix.geometry.grid.affine import affine_grid as affine_grid
from nitrix.geometry.grid.centre_of_mass import center_of_mass_grid as center_of_mass_grid
from nitrix.geometry.grid.centre_of_mass import cmass_regular_grid as cmass_regular_grid
from nitrix.geometry.grid.jacobian import jacobian_det_displacement as jacobian_det_displacement
from nitrix.geometry.grid.jacobian import jacobian_displacement as jacobian_displacement
