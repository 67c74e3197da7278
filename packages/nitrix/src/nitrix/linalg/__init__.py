"""Matrices that are symmetric, positive definite, structured or kernels; least-squares residuals."""

# Matrices that are symmetric or structured, and the vectors that stand for them.
from nitrix.linalg.matrix import cholesky_invert as cholesky_invert
from nitrix.linalg.matrix import delete_diagonal as delete_diagonal
from nitrix.linalg.matrix import diag_embed as diag_embed
from nitrix.linalg.matrix import expand_outer as expand_outer
from nitrix.linalg.matrix import fill_diagonal as fill_diagonal
from nitrix.linalg.matrix import recondition_eigenspaces as recondition_eigenspaces
from nitrix.linalg.matrix import squareform as squareform
from nitrix.linalg.matrix import sym2vec as sym2vec
from nitrix.linalg.matrix import symmetric as symmetric
from nitrix.linalg.matrix import toeplitz as toeplitz
from nitrix.linalg.matrix import toeplitz_2d as toeplitz_2d
from nitrix.linalg.matrix import vec2sym as vec2sym

# Least squares: what regressors do not explain.
from nitrix.linalg.residual import partial_residualise as partial_residualise
from nitrix.linalg.residual import residualise as residualise
