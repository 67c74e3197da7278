"""Smoothing of images and of fields on surfaces, in millimetres, differentiable in the data and in the width."""

# Linear filters.
from nitrix.smoothing.gaussian import gaussian as gaussian

# On surfaces.
from nitrix.smoothing.surface import surface_gaussian as surface_gaussian
from nitrix.smoothing.surface import surface_gaussian_degree as surface_gaussian_degree
