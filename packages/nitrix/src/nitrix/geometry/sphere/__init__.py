"""Spheres: distances and rotations, convolutions on their meshes, resampling from one to another."""

from nitrix.geometry.sphere.conv import spherical_conv as spherical_conv
from nitrix.geometry.sphere.directions import DirectionalNeighbourhood as DirectionalNeighbourhood
from nitrix.geometry.sphere.directions import directional_neighbourhood as directional_neighbourhood
from nitrix.geometry.sphere.geodesic import spherical_geodesic as spherical_geodesic
from nitrix.geometry.sphere.geodesic import spherical_geodesic_distance as spherical_geodesic_distance
from nitrix.geometry.sphere.kernel_conv import spherical_kernel_conv as spherical_kernel_conv
from nitrix.geometry.sphere.latlong import sphere_to_latlong as sphere_to_latlong
from nitrix.geometry.sphere.latlong import sphere_to_normals as sphere_to_normals
from nitrix.geometry.sphere.resampling import resample_labels as resample_labels
from nitrix.geometry.sphere.resampling import sphere_adaptive as sphere_adaptive
from nitrix.geometry.sphere.resampling import sphere_barycentric as sphere_barycentric
from nitrix.geometry.sphere.rotation import rotate_axis_angle as rotate_axis_angle
from nitrix.geometry.sphere.rotation import rotation_matrix as rotation_matrix
from nitrix.sparse.mesh import icosphere as icosphere
