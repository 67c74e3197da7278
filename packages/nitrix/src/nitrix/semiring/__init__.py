"""Products over any semiring, dense and sparse, streamed: no array of the terms is ever made.

An algebra is a `Monoid` (the sum, an online reduction with any state) and a `Semigroup` (the product of two entries).
An operation whose state grows with the number of terms is none of these: the median is the example, and lives in
`nitrix.morphology`.
"""

# What an algebra is.
from nitrix.semiring.algebra import EllMatmulResiduals as EllMatmulResiduals
from nitrix.semiring.algebra import MatmulResiduals as MatmulResiduals
from nitrix.semiring.algebra import Monoid as Monoid
from nitrix.semiring.algebra import Semigroup as Semigroup
from nitrix.semiring.algebra import Semiring as Semiring
from nitrix.semiring.algebra import StrictSemiring as StrictSemiring

# The built-in algebras.
from nitrix.semiring.algebras import BOOLEAN as BOOLEAN
from nitrix.semiring.algebras import EUCLIDEAN as EUCLIDEAN
from nitrix.semiring.algebras import LOG as LOG
from nitrix.semiring.algebras import REAL as REAL
from nitrix.semiring.algebras import TROPICAL_MAX_PLUS as TROPICAL_MAX_PLUS
from nitrix.semiring.algebras import TROPICAL_MIN_PLUS as TROPICAL_MIN_PLUS
from nitrix.semiring.algebras import LogSumExpAcc as LogSumExpAcc

# Convolution on grids.
from nitrix.semiring.conv import semiring_conv as semiring_conv

# Message passing over sparse neighbourhoods.
from nitrix.semiring.edge_aggregate import semiring_ell_edge_aggregate as semiring_ell_edge_aggregate
from nitrix.semiring.edge_mlp import EdgeMLP as EdgeMLP

# Products.
from nitrix.semiring.ell import semiring_ell_matmul as semiring_ell_matmul
from nitrix.semiring.ell import semiring_ell_rmatvec as semiring_ell_rmatvec
from nitrix.semiring.ell_conv import semiring_ell_conv as semiring_ell_conv
from nitrix.semiring.matmul import semiring_matmul as semiring_matmul
from nitrix.semiring.row_softmax import ell_row_softmax as ell_row_softmax
