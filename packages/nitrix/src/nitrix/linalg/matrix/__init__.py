"""Matrices that are symmetric, structured or ill-conditioned, and the vectors that stand for them."""

# Made well-conditioned, inverted.
from nitrix.linalg.matrix._condition import cholesky_invert as cholesky_invert
from nitrix.linalg.matrix._condition import recondition_eigenspaces as recondition_eigenspaces

# Diagonals.
from nitrix.linalg.matrix._diagonal import delete_diagonal as delete_diagonal
from nitrix.linalg.matrix._diagonal import diag_embed as diag_embed
from nitrix.linalg.matrix._diagonal import fill_diagonal as fill_diagonal

# Of low rank.
from nitrix.linalg.matrix._expand_outer import expand_outer as expand_outer

# Symmetric, and as vectors.
from nitrix.linalg.matrix._squareform import squareform as squareform
from nitrix.linalg.matrix._symmetric import sym2vec as sym2vec
from nitrix.linalg.matrix._symmetric import symmetric as symmetric
from nitrix.linalg.matrix._symmetric import vec2sym as vec2sym

# Constant along diagonals.
from nitrix.linalg.matrix._toeplitz import toeplitz as toeplitz
from nitrix.linalg.matrix._toeplitz import toeplitz_2d as toeplitz_2d
