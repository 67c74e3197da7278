"""The square root of a matrix and its inverse from matrix products alone."""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from nitrix.linalg.spd._spectrum import Matrices, product, symmetrised

POLISH = 6  # steps in which errors square, after the least eigenvalue has grown


# Y -> Y T, Z -> T Z with T = (3 I - Z Y) / 2 from Y = A / s, Z = I, where s is not below the largest eigenvalue:
# Y goes to sqrt(A / s) and Z to its inverse. A small root grows by 3/2 a step at first, so the number of steps follows
# from the dtype: an eigenvalue of one rounding error of the largest still arrives. A negative one would diverge, so
# what rounding a semidefinite matrix can make negative, eps s / 2 at most, is lifted first.
def newton_schulz(matrix: Matrices, lifted: bool) -> tuple[Matrices, Matrices]:
    """sqrt(A) and its inverse, of a symmetric positive definite A or of A + 2 eps s I."""
    d = matrix.shape[-1]
    scale = lax.stop_gradient(jnp.max(jnp.sum(jnp.abs(matrix), -1), -1, initial=0)[..., None, None])
    scale = jnp.where(scale == 0, 1, scale)  # cancels out of the results, so it counts as a constant
    identity = jnp.broadcast_to(jnp.eye(d, dtype=matrix.dtype), matrix.shape)
    eps = float(np.finfo(matrix.dtype).eps)
    steps = math.ceil(-0.5 * math.log(eps) / math.log(1.5)) + POLISH
    start = matrix / scale + (2 * eps * identity if lifted else 0)

    def step(pair: tuple[Matrices, Matrices], _: None) -> tuple[tuple[Matrices, Matrices], None]:
        y, z = pair
        turn = 1.5 * identity - 0.5 * product(z, y)
        return (symmetrised(product(y, turn)), symmetrised(product(turn, z))), None

    (root, inverse), _ = lax.scan(step, (start, identity), None, length=steps)
    return root * jnp.sqrt(scale), inverse / jnp.sqrt(scale)
