"""Sparse matrices in ELL form, flat and sectioned by degree."""

from nitrix.sparse.ell.apply import MeshOperator as MeshOperator
from nitrix.sparse.ell.apply import apply_operator as apply_operator
from nitrix.sparse.ell.apply import sectioned_semiring_ell_matmul as sectioned_semiring_ell_matmul
from nitrix.sparse.ell.apply import sectioned_semiring_ell_rmatvec as sectioned_semiring_ell_rmatvec
from nitrix.sparse.ell.container import ELL as ELL
from nitrix.sparse.ell.convert import ell_from_sectioned as ell_from_sectioned
from nitrix.sparse.ell.convert import sectioned_ell_from_ell as sectioned_ell_from_ell
from nitrix.sparse.ell.from_dense import ell_from_dense as ell_from_dense
from nitrix.sparse.ell.from_edges import ell_from_edges as ell_from_edges
from nitrix.sparse.ell.from_edges import sectioned_ell_from_edges as sectioned_ell_from_edges
from nitrix.sparse.ell.from_ragged import ell_from_ragged as ell_from_ragged
from nitrix.sparse.ell.from_ragged import ell_pad as ell_pad
from nitrix.sparse.ell.from_ragged import sectioned_ell_from_ragged as sectioned_ell_from_ragged
from nitrix.sparse.ell.gather import ell_gather as ell_gather
from nitrix.sparse.ell.gather import ell_scatter as ell_scatter
from nitrix.sparse.ell.loops import ell_add_self_loops as ell_add_self_loops
from nitrix.sparse.ell.mask import ell_broadcast as ell_broadcast
from nitrix.sparse.ell.mask import ell_mask as ell_mask
from nitrix.sparse.ell.sectioned import SectionedELL as SectionedELL
from nitrix.sparse.ell.select import ell_reshape as ell_reshape
from nitrix.sparse.ell.select import ell_rows as ell_rows
from nitrix.sparse.ell.to_dense import ell_to_dense as ell_to_dense
from nitrix.sparse.ell.transpose import ell_transpose as ell_transpose
from nitrix.sparse.ell.transpose import ell_with_transpose as ell_with_transpose
from nitrix.sparse.ell.transpose import ell_without_transpose as ell_without_transpose
