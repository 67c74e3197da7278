"""Sparse matrices in ELL form, flat and sectioned by degree."""

from nitrix.sparse.ell.container import ELL as ELL
from nitrix.sparse.ell.sectioned import SectionedELL as SectionedELL
