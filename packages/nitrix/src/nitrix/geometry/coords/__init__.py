"""Points weighed and placed: centres of mass, how compact regions are, latitude and longitude."""

# Centres of mass of regions, and where they lie from a reference.
from nitrix.geometry.coords.centre_of_mass import center_of_mass_points as center_of_mass_points
from nitrix.geometry.coords.centre_of_mass import cmass_coor as cmass_coor
from nitrix.geometry.coords.centre_of_mass import (
    cmass_reference_displacement_coor as cmass_reference_displacement_coor,
)
from nitrix.geometry.coords.centre_of_mass import (
    displacement_from_reference_points as displacement_from_reference_points,
)

# How far regions spread.
from nitrix.geometry.coords.compactness import compactness_penalty as compactness_penalty
from nitrix.geometry.coords.compactness import diffuse as diffuse

# Angles on a sphere.
from nitrix.geometry.coords.latlong import cartesian_to_latlong as cartesian_to_latlong
from nitrix.geometry.coords.latlong import latlong_to_cartesian as latlong_to_cartesian

# Centres of mass of images, from a reference.
from nitrix.geometry.grid.centre_of_mass import (
    cmass_reference_displacement_grid as cmass_reference_displacement_grid,
)
from nitrix.geometry.grid.centre_of_mass import (
    displacement_from_reference_grid as displacement_from_reference_grid,
)
