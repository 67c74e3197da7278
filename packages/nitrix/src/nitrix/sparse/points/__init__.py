"""Neighbourhoods of point clouds: all points within a radius, or the nearest few."""

from nitrix.sparse.points.nearest import nearest_neighbours as nearest_neighbours
from nitrix.sparse.points.within import points_within as points_within
