"""Sparse operators for brain geometry: adjacencies in ELL form, regular grids, triangle meshes."""

# Containers.
from nitrix.sparse.ell import ELL as ELL
from nitrix.sparse.ell import MeshOperator as MeshOperator
from nitrix.sparse.ell import SectionedELL as SectionedELL

# Adjacencies: construction, products, transposition, entries.
from nitrix.sparse.ell import apply_operator as apply_operator
from nitrix.sparse.ell import ell_add_self_loops as ell_add_self_loops
from nitrix.sparse.ell import ell_broadcast as ell_broadcast
from nitrix.sparse.ell import ell_from_dense as ell_from_dense
from nitrix.sparse.ell import ell_from_edges as ell_from_edges
from nitrix.sparse.ell import ell_from_ragged as ell_from_ragged
from nitrix.sparse.ell import ell_from_sectioned as ell_from_sectioned
from nitrix.sparse.ell import ell_gather as ell_gather
from nitrix.sparse.ell import ell_mask as ell_mask
from nitrix.sparse.ell import ell_pad as ell_pad
from nitrix.sparse.ell import ell_reshape as ell_reshape
from nitrix.sparse.ell import ell_rows as ell_rows
from nitrix.sparse.ell import ell_scatter as ell_scatter
from nitrix.sparse.ell import ell_to_dense as ell_to_dense
from nitrix.sparse.ell import ell_transpose as ell_transpose
from nitrix.sparse.ell import ell_with_transpose as ell_with_transpose
from nitrix.sparse.ell import ell_without_transpose as ell_without_transpose
from nitrix.sparse.ell import sectioned_ell_from_edges as sectioned_ell_from_edges
from nitrix.sparse.ell import sectioned_ell_from_ell as sectioned_ell_from_ell
from nitrix.sparse.ell import sectioned_ell_from_ragged as sectioned_ell_from_ragged
from nitrix.sparse.ell import sectioned_semiring_ell_matmul as sectioned_semiring_ell_matmul
from nitrix.sparse.ell import sectioned_semiring_ell_rmatvec as sectioned_semiring_ell_rmatvec

# Regular grids.
from nitrix.sparse.grid import band_matrix as band_matrix
from nitrix.sparse.grid import grid_gradient as grid_gradient
from nitrix.sparse.grid import grid_identity as grid_identity
from nitrix.sparse.grid import grid_laplacian as grid_laplacian
from nitrix.sparse.grid import grid_neighbourhood as grid_neighbourhood
from nitrix.sparse.grid import regular_grid_stencil as regular_grid_stencil

# Triangle meshes: icospheres, rings, geodesics, areas, Laplacians; all names of `nitrix.sparse.mesh`.
from nitrix.sparse.mesh import IcosphereHierarchy as IcosphereHierarchy
from nitrix.sparse.mesh import Mesh as Mesh
from nitrix.sparse.mesh import MeshStructure as MeshStructure
from nitrix.sparse.mesh import compute_vertex_normals as compute_vertex_normals
from nitrix.sparse.mesh import edge_face_adjacency as edge_face_adjacency
from nitrix.sparse.mesh import face_areas as face_areas
from nitrix.sparse.mesh import face_normals as face_normals
from nitrix.sparse.mesh import geodesic_distance as geodesic_distance
from nitrix.sparse.mesh import geodesic_neighbourhood as geodesic_neighbourhood
from nitrix.sparse.mesh import icosphere as icosphere
from nitrix.sparse.mesh import icosphere_bary_upsampler as icosphere_bary_upsampler
from nitrix.sparse.mesh import icosphere_cross_level_adjacency as icosphere_cross_level_adjacency
from nitrix.sparse.mesh import icosphere_hierarchy as icosphere_hierarchy
from nitrix.sparse.mesh import icosphere_hierarchy_from_levels as icosphere_hierarchy_from_levels
from nitrix.sparse.mesh import mesh_adjacency_smooth as mesh_adjacency_smooth
from nitrix.sparse.mesh import mesh_bary_upsample as mesh_bary_upsample
from nitrix.sparse.mesh import mesh_coarsen_meanpool as mesh_coarsen_meanpool
from nitrix.sparse.mesh import mesh_cotangent_laplacian as mesh_cotangent_laplacian
from nitrix.sparse.mesh import mesh_edge_lengths as mesh_edge_lengths
from nitrix.sparse.mesh import mesh_edges as mesh_edges
from nitrix.sparse.mesh import mesh_k_ring_adjacency as mesh_k_ring_adjacency
from nitrix.sparse.mesh import mesh_laplacian_smooth as mesh_laplacian_smooth
from nitrix.sparse.mesh import mesh_mass_matrix as mesh_mass_matrix
from nitrix.sparse.mesh import mesh_pool_max as mesh_pool_max
from nitrix.sparse.mesh import mesh_structure as mesh_structure
from nitrix.sparse.mesh import mesh_unpool_max as mesh_unpool_max
from nitrix.sparse.mesh import vertex_areas as vertex_areas

# Point clouds.
from nitrix.sparse.points import nearest_neighbours as nearest_neighbours
from nitrix.sparse.points import points_within as points_within
