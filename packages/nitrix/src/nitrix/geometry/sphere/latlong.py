"""Latitude and longitude under the names that they have on spheres."""

from nitrix.geometry.coords import cartesian_to_latlong, latlong_to_cartesian

sphere_to_latlong = cartesian_to_latlong
sphere_to_normals = latlong_to_cartesian
