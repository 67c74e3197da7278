"""Matrices that are symmetric, positive definite, structured or kernels; least-squares residuals."""

# Kernels of pairs of observations, and arrays shaped as one.
from nitrix.linalg.kernel import cosine_kernel as cosine_kernel
from nitrix.linalg.kernel import gaussian_kernel as gaussian_kernel
from nitrix.linalg.kernel import laplace_init as laplace_init
from nitrix.linalg.kernel import laplace_kernel as laplace_kernel
from nitrix.linalg.kernel import linear_distance as linear_distance
from nitrix.linalg.kernel import linear_kernel as linear_kernel
from nitrix.linalg.kernel import parameterised_norm as parameterised_norm
from nitrix.linalg.kernel import polynomial_kernel as polynomial_kernel
from nitrix.linalg.kernel import rbf_kernel as rbf_kernel
from nitrix.linalg.kernel import sigmoid_kernel as sigmoid_kernel
from nitrix.linalg.kernel import toeplitz_init as toeplitz_init

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

# Symmetric positive definite matrices: functions, means, tangent spaces.
from nitrix.linalg.spd import KarcherMean as KarcherMean
from nitrix.linalg.spd import cone_project_spd as cone_project_spd
from nitrix.linalg.spd import karcher_mean as karcher_mean
from nitrix.linalg.spd import mean_euclidean as mean_euclidean
from nitrix.linalg.spd import mean_geometric as mean_geometric
from nitrix.linalg.spd import mean_harmonic as mean_harmonic
from nitrix.linalg.spd import mean_kullback as mean_kullback
from nitrix.linalg.spd import mean_log_euclidean as mean_log_euclidean
from nitrix.linalg.spd import symexp as symexp
from nitrix.linalg.spd import symlog as symlog
from nitrix.linalg.spd import symmap as symmap
from nitrix.linalg.spd import sympower as sympower
from nitrix.linalg.spd import symsqrt as symsqrt
from nitrix.linalg.spd import tangent_project_spd as tangent_project_spd
from nitrix.linalg.spd import update_tangent_reference as update_tangent_reference
