"""Kernels of pairs of observations, dense or sparse, with an optional metric; and arrays shaped as a kernel.

`theta` weighs the features: None is the identity, a vector [d] the diagonal of a metric, [... d d] always a matrix, and
[... 1 d] a batch of diagonals. It is used as it is, neither squared nor inverted.
"""

# Of distances.
# Of inner products.
from nitrix.linalg.kernel._cosine import cosine_kernel as cosine_kernel
from nitrix.linalg.kernel._cosine import parameterised_norm as parameterised_norm
from nitrix.linalg.kernel._distances import gaussian_kernel as gaussian_kernel
from nitrix.linalg.kernel._distances import linear_distance as linear_distance
from nitrix.linalg.kernel._distances import rbf_kernel as rbf_kernel

# Arrays to begin with.
from nitrix.linalg.kernel._initial import laplace_init as laplace_init
from nitrix.linalg.kernel._initial import toeplitz_init as toeplitz_init
from nitrix.linalg.kernel._laplace import laplace_kernel as laplace_kernel
from nitrix.linalg.kernel._products import linear_kernel as linear_kernel
from nitrix.linalg.kernel._products import polynomial_kernel as polynomial_kernel
from nitrix.linalg.kernel._products import sigmoid_kernel as sigmoid_kernel
