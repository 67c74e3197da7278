"""Triangle meshes: icospheres, rings and neighbourhoods, areas and normals, Laplacians, pooling between levels."""

# The mesh and its edges.
# Areas, normals and operators, differentiable in the vertices.
from nitrix.sparse.mesh.areas import vertex_areas as vertex_areas
from nitrix.sparse.mesh.container import Mesh as Mesh
from nitrix.sparse.mesh.edge_lengths import mesh_edge_lengths as mesh_edge_lengths
from nitrix.sparse.mesh.edges import edge_face_adjacency as edge_face_adjacency
from nitrix.sparse.mesh.edges import mesh_edges as mesh_edges
from nitrix.sparse.mesh.faces import compute_vertex_normals as compute_vertex_normals
from nitrix.sparse.mesh.faces import face_areas as face_areas
from nitrix.sparse.mesh.faces import face_normals as face_normals
from nitrix.sparse.mesh.geodesic import geodesic_distance as geodesic_distance

# Icospheres.
from nitrix.sparse.mesh.icospheres import IcosphereHierarchy as IcosphereHierarchy
from nitrix.sparse.mesh.icospheres import icosphere as icosphere
from nitrix.sparse.mesh.icospheres import icosphere_hierarchy as icosphere_hierarchy
from nitrix.sparse.mesh.icospheres import icosphere_hierarchy_from_levels as icosphere_hierarchy_from_levels

# Neighbours.
from nitrix.sparse.mesh.k_ring import mesh_k_ring_adjacency as mesh_k_ring_adjacency
from nitrix.sparse.mesh.laplacian import mesh_cotangent_laplacian as mesh_cotangent_laplacian

# Between levels, and smoothing.
from nitrix.sparse.mesh.levels import icosphere_bary_upsampler as icosphere_bary_upsampler
from nitrix.sparse.mesh.levels import icosphere_cross_level_adjacency as icosphere_cross_level_adjacency
from nitrix.sparse.mesh.mass import mesh_mass_matrix as mesh_mass_matrix
from nitrix.sparse.mesh.neighbourhood import geodesic_neighbourhood as geodesic_neighbourhood
from nitrix.sparse.mesh.pooling import mesh_bary_upsample as mesh_bary_upsample
from nitrix.sparse.mesh.pooling import mesh_coarsen_meanpool as mesh_coarsen_meanpool
from nitrix.sparse.mesh.pooling import mesh_pool_max as mesh_pool_max
from nitrix.sparse.mesh.pooling import mesh_unpool_max as mesh_unpool_max
from nitrix.sparse.mesh.smooth import mesh_adjacency_smooth as mesh_adjacency_smooth
from nitrix.sparse.mesh.smooth import mesh_laplacian_smooth as mesh_laplacian_smooth
from nitrix.sparse.mesh.structure import MeshStructure as MeshStructure
from nitrix.sparse.mesh.structure import mesh_structure as mesh_structure
