"""Gradients of connectivity: maps of a graph's vertices by the eigenvectors of its random walks."""

# Maps of one graph.
from nitrix.graph.connectopy._embedding import Embedding as Embedding

# The graph of time series.
from nitrix.graph.connectopy.affinity import TimeSeriesAffinity as TimeSeriesAffinity
from nitrix.graph.connectopy.affinity import affinity_from_time_series as affinity_from_time_series
from nitrix.graph.connectopy.diffusion import diffusion_embedding as diffusion_embedding
from nitrix.graph.connectopy.diffusion import diffusion_mapping as diffusion_mapping
from nitrix.graph.connectopy.eigenmaps import laplacian_eigenmap as laplacian_eigenmap
from nitrix.graph.connectopy.eigenmaps import laplacian_eigenmaps as laplacian_eigenmaps

# Maps of several graphs.
from nitrix.graph.connectopy.procrustes import Alignment as Alignment
from nitrix.graph.connectopy.procrustes import procrustes_align as procrustes_align
