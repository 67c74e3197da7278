"""Sparse matrices in ELL form, flat and sectioned by degree."""

# Containers.
from nitrix.sparse.ell.apply import MeshOperator as MeshOperator

# Products.
from nitrix.sparse.ell.apply import apply_operator as apply_operator
from nitrix.sparse.ell.apply import sectioned_semiring_ell_matmul as sectioned_semiring_ell_matmul
from nitrix.sparse.ell.apply import sectioned_semiring_ell_rmatvec as sectioned_semiring_ell_rmatvec
from nitrix.sparse.ell.container import ELL as ELL

# Constructors.
from nitrix.sparse.ell.from_ragged import ell_from_ragged as ell_from_ragged
from nitrix.sparse.ell.from_ragged import ell_pad as ell_pad
from nitrix.sparse.ell.from_ragged import sectioned_ell_from_ragged as sectioned_ell_from_ragged
from nitrix.sparse.ell.sectioned import SectionedELL as SectionedELL

# The transpose.
from nitrix.sparse.ell.transpose import ell_transpose as ell_transpose
from nitrix.sparse.ell.transpose import ell_with_transpose as ell_with_transpose
from nitrix.sparse.ell.transpose import ell_without_transpose as ell_without_transpose
