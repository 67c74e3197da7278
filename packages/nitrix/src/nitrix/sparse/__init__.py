"""Sparse operators for brain geometry: adjacencies in ELL form, regular grids, triangle meshes."""

# Containers.
from nitrix.sparse.ell import ELL as ELL
from nitrix.sparse.ell import SectionedELL as SectionedELL
