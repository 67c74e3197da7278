"""Graphs, dense, sparse or as products alone: Laplacians, communities, gradients of connectivity."""

# Communities.
from nitrix.graph.community import coaffiliation as coaffiliation
from nitrix.graph.community import girvan_newman_null as girvan_newman_null
from nitrix.graph.community import modularity_matrix as modularity_matrix
from nitrix.graph.community import modularity_matrix_matvec as modularity_matrix_matvec
from nitrix.graph.community import relaxed_modularity as relaxed_modularity

# Gradients of connectivity.
from nitrix.graph.connectopy import Alignment as Alignment
from nitrix.graph.connectopy import Embedding as Embedding
from nitrix.graph.connectopy import TimeSeriesAffinity as TimeSeriesAffinity
from nitrix.graph.connectopy import affinity_from_time_series as affinity_from_time_series
from nitrix.graph.connectopy import diffusion_embedding as diffusion_embedding
from nitrix.graph.connectopy import diffusion_mapping as diffusion_mapping
from nitrix.graph.connectopy import laplacian_eigenmap as laplacian_eigenmap
from nitrix.graph.connectopy import laplacian_eigenmaps as laplacian_eigenmaps
from nitrix.graph.connectopy import procrustes_align as procrustes_align

# Degrees.
from nitrix.graph.degrees import degree_vector as degree_vector
from nitrix.graph.degrees import in_degree_vector as in_degree_vector
from nitrix.graph.degrees import symmetric_degree_vector as symmetric_degree_vector

# Laplacians.
from nitrix.graph.laplacian import graph_laplacian as graph_laplacian
from nitrix.graph.laplacian import laplacian as laplacian
from nitrix.graph.laplacian import laplacian_matvec as laplacian_matvec

# Graphs given by their products alone.
from nitrix.graph.operator import GraphOperator as GraphOperator
