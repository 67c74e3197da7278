"""Images on regular grids: sampling, resampling, displacement fields, affines, Jacobians, centres of mass."""

# Images read along coordinates; displacement fields, affines, and what they do to space.
from nitrix.geometry.grid.affine import affine_grid as affine_grid
from nitrix.geometry.grid.centre_of_mass import center_of_mass_grid as center_of_mass_grid
from nitrix.geometry.grid.centre_of_mass import cmass_regular_grid as cmass_regular_grid
from nitrix.geometry.grid.composition import compose_displacements as compose_displacements
from nitrix.geometry.grid.identity import identity_grid as identity_grid
from nitrix.geometry.grid.interpolators import CatmullRomCubic as CatmullRomCubic
from nitrix.geometry.grid.interpolators import CubicBSpline as CubicBSpline
from nitrix.geometry.grid.interpolators import Interpolator as Interpolator
from nitrix.geometry.grid.interpolators import Lanczos as Lanczos
from nitrix.geometry.grid.interpolators import Linear as Linear
from nitrix.geometry.grid.inversion import DisplacementInverse as DisplacementInverse
from nitrix.geometry.grid.inversion import invert_displacement as invert_displacement
from nitrix.geometry.grid.jacobian import jacobian_det_displacement as jacobian_det_displacement
from nitrix.geometry.grid.jacobian import jacobian_displacement as jacobian_displacement
from nitrix.geometry.grid.points import sample_at_points as sample_at_points
from nitrix.geometry.grid.resample import resample as resample
from nitrix.geometry.grid.resample import rescale as rescale
from nitrix.geometry.grid.rescaling import rescale_displacement as rescale_displacement
from nitrix.geometry.grid.selecting import MultiLabel as MultiLabel
from nitrix.geometry.grid.selecting import NearestNeighbour as NearestNeighbour
from nitrix.geometry.grid.transform import spatial_transform as spatial_transform
from nitrix.geometry.grid.velocity import integrate_velocity_field as integrate_velocity_field
from nitrix.geometry.grid.velocity import vec_int as vec_int
