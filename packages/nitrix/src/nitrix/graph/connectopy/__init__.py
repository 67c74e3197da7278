"""Gradients of connectivity: maps of a graph's vertices by the eigenvectors of its random walks."""

from nitrix.graph.connectopy._embedding import Embedding as Embedding
from nitrix.graph.connectopy.diffusion import diffusion_embedding as diffusion_embedding
from nitrix.graph.connectopy.diffusion import diffusion_mapping as diffusion_mapping
from nitrix.graph.connectopy.eigenmaps import laplacian_eigenmap as laplacian_eigenmap
from nitrix.graph.connectopy.eigenmaps import laplacian_eigenmaps as laplacian_eigenmaps
