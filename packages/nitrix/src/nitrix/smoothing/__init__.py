"""Smoothing of images, in millimetres, differentiable in the image and in the width."""

# Linear filters.
from nitrix.smoothing.gaussian import gaussian as gaussian
