"""Images and surfaces moved through space: sampling, displacement fields, spheres, centres of mass, metric tensors."""

# Weighted points and regions; latitude and longitude.
from nitrix.geometry.coords import cartesian_to_latlong as cartesian_to_latlong
from nitrix.geometry.coords import center_of_mass_points as center_of_mass_points
from nitrix.geometry.coords import cmass_coor as cmass_coor
from nitrix.geometry.coords import cmass_reference_displacement_coor as cmass_reference_displacement_coor
from nitrix.geometry.coords import cmass_reference_displacement_grid as cmass_reference_displacement_grid
from nitrix.geometry.coords import compactness_penalty as compactness_penalty
from nitrix.geometry.coords import diffuse as diffuse
from nitrix.geometry.coords import displacement_from_reference_grid as displacement_from_reference_grid
from nitrix.geometry.coords import displacement_from_reference_points as displacement_from_reference_points
from nitrix.geometry.coords import latlong_to_cartesian as latlong_to_cartesian

# How values between voxels are made.
from nitrix.geometry.grid import CatmullRomCubic as CatmullRomCubic
from nitrix.geometry.grid import CubicBSpline as CubicBSpline
from nitrix.geometry.grid import DisplacementInverse as DisplacementInverse
from nitrix.geometry.grid import Interpolator as Interpolator
from nitrix.geometry.grid import Lanczos as Lanczos
from nitrix.geometry.grid import Linear as Linear
from nitrix.geometry.grid import MultiLabel as MultiLabel
from nitrix.geometry.grid import NearestNeighbour as NearestNeighbour

# Images read along coordinates; displacement fields, affines, and what they do to space.
from nitrix.geometry.grid import affine_grid as affine_grid
from nitrix.geometry.grid import center_of_mass_grid as center_of_mass_grid
from nitrix.geometry.grid import cmass_regular_grid as cmass_regular_grid
from nitrix.geometry.grid import compose_displacements as compose_displacements
from nitrix.geometry.grid import identity_grid as identity_grid
from nitrix.geometry.grid import integrate_velocity_field as integrate_velocity_field
from nitrix.geometry.grid import invert_displacement as invert_displacement
from nitrix.geometry.grid import jacobian_det_displacement as jacobian_det_displacement
from nitrix.geometry.grid import jacobian_displacement as jacobian_displacement
from nitrix.geometry.grid import resample as resample
from nitrix.geometry.grid import rescale as rescale
from nitrix.geometry.grid import rescale_displacement as rescale_displacement
from nitrix.geometry.grid import sample_at_points as sample_at_points
from nitrix.geometry.grid import spatial_transform as spatial_transform
from nitrix.geometry.grid import vec_int as vec_int

# Space measured by metric tensors.
from nitrix.geometry.metrictensor import integrate_along_line_segment as integrate_along_line_segment
from nitrix.geometry.metrictensor import (
    metric_tensor_field_diag_plus_low_rank as metric_tensor_field_diag_plus_low_rank,
)
from nitrix.geometry.metrictensor import quadratic_form as quadratic_form
from nitrix.geometry.metrictensor import (
    quadratic_form_low_rank_plus_diag as quadratic_form_low_rank_plus_diag,
)
from nitrix.geometry.metrictensor import sample_along_line_segment as sample_along_line_segment

# Spheres: distances, rotations, convolutions, resampling; icospheres are at home in `nitrix.sparse.mesh`.
from nitrix.geometry.sphere import DirectionalNeighbourhood as DirectionalNeighbourhood
from nitrix.geometry.sphere import directional_neighbourhood as directional_neighbourhood
from nitrix.geometry.sphere import icosphere as icosphere
from nitrix.geometry.sphere import resample_labels as resample_labels
from nitrix.geometry.sphere import rotate_axis_angle as rotate_axis_angle
from nitrix.geometry.sphere import rotation_matrix as rotation_matrix
from nitrix.geometry.sphere import sphere_adaptive as sphere_adaptive
from nitrix.geometry.sphere import sphere_barycentric as sphere_barycentric
from nitrix.geometry.sphere import sphere_to_latlong as sphere_to_latlong
from nitrix.geometry.sphere import sphere_to_normals as sphere_to_normals
from nitrix.geometry.sphere import spherical_conv as spherical_conv
from nitrix.geometry.sphere import spherical_geodesic as spherical_geodesic
from nitrix.geometry.sphere import spherical_geodesic_distance as spherical_geodesic_distance
from nitrix.geometry.sphere import spherical_kernel_conv as spherical_kernel_conv
