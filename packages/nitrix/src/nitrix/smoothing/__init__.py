"""Smoothing of images and of fields on surfaces, in millimetres, differentiable in the data and in the width."""

# Of images: within edges, and across them.
from nitrix.smoothing.bilateral import bilateral as bilateral

# Of points, over neighbours in a space of features.
from nitrix.smoothing.bilateral_gaussian import bilateral_gaussian as bilateral_gaussian
from nitrix.smoothing.gaussian import gaussian as gaussian

# What near means among features.
from nitrix.smoothing.metric import DiagonalMetric as DiagonalMetric
from nitrix.smoothing.metric import FactorMetric as FactorMetric
from nitrix.smoothing.metric import FeatureMetric as FeatureMetric
from nitrix.smoothing.metric import block_diagonal_metric as block_diagonal_metric
from nitrix.smoothing.metric import metric_from_spd as metric_from_spd

# Of points, over all others, in linear time.
from nitrix.smoothing.permutohedral import PermutohedralLattice as PermutohedralLattice
from nitrix.smoothing.permutohedral import permutohedral_filter as permutohedral_filter
from nitrix.smoothing.permutohedral import permutohedral_lattice as permutohedral_lattice
from nitrix.smoothing.permutohedral import permutohedral_structure as permutohedral_structure

# On surfaces.
from nitrix.smoothing.surface import surface_gaussian as surface_gaussian
from nitrix.smoothing.surface import surface_gaussian_degree as surface_gaussian_degree

# Of images with impulse noise.
from nitrix.smoothing.susan import susan_emulator as susan_emulator
from nitrix.smoothing.susan_threshold import susan_brightness_threshold as susan_brightness_threshold
