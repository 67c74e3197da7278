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

# Displacement fields, affines, and what they do to space.
from nitrix.geometry.grid import affine_grid as affine_grid
from nitrix.geometry.grid import center_of_mass_grid as center_of_mass_grid
from nitrix.geometry.grid import cmass_regular_grid as cmass_regular_grid
from nitrix.geometry.grid import jacobian_det_displacement as jacobian_det_displacement
from nitrix.geometry.grid import jacobian_displacement as jacobian_displacement

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
