"""Reductions over all pairs of 20,000 x 20,000 points in 3-D, as in optimal transport, against KeOps.

The matrix of squared distances is never whole: a product makes a block of it, and another product reduces the block.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from nitrix.semiring import EUCLIDEAN, LOG, REAL, TROPICAL_MIN_PLUS, Semiring, semiring_matmul

POINTS = 20_000

SQUARED_DISTANCE = Semiring(REAL.monoid, EUCLIDEAN.binary_op, "squared distance", identity=0.0)


@functools.cache
def _clouds():
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(POINTS, 3)).astype(np.float32) for _ in range(2))
    return x, y, rng.normal(size=POINTS).astype(np.float32)


def _reduced(algebra, merge, sign, *, block, groups):
    """For every x: the sum (+) over all y of f(y) (*) sign |x - y|^2.

    `block` points y at a time, few enough for their distances to fuse with the reduction; x in `groups`, for the cores.
    """

    def group(x, y, f):
        def step(out, points):
            y, f = points
            squares = semiring_matmul(y, x.T, semiring=SQUARED_DISTANCE)
            return merge(out, semiring_matmul(f[None, :], sign * squares, semiring=algebra)), None

        empty = jnp.full((1, x.shape[0]), algebra.identity, x.dtype)
        blocks = y.reshape(-1, block, 3), f.reshape(-1, block)
        return jax.lax.scan(step, empty, blocks, unroll=2)[0][0]

    @jax.jit
    def compute(x, y, f):
        return jax.vmap(group, (0, None, None))(x.reshape(groups, -1, 3), y, f).ravel()

    return compute


def _keops(formula, reduction):
    @functools.cache
    def compiled():
        from pykeops.numpy import Genred

        return Genred(formula, ["x = Vi(3)", "y = Vj(3)", "f = Vj(1)"], reduction_op=reduction, axis=1)

    def call():
        x, y, f = _clouds()
        return compiled()(x, y, f[:, None], backend="CPU")

    return call


def _case(name, compute, rival):
    return Case(
        name=name,
        operation="semiring.semiring_matmul (points)",
        ours=lambda: compute(*_clouds()),
        rival=rival,
        rival_name="pykeops, CPU",
        bar=5,
        seconds=15,
    )


CASES = [
    _case(
        "min-plus over 20,000^2 points",
        _reduced(TROPICAL_MIN_PLUS, jnp.minimum, 1.0, block=8, groups=4),
        _keops("SqDist(x, y) + f", "Min"),
    ),
    _case(
        "log-sum-exp over 20,000^2 points",
        _reduced(LOG, jnp.logaddexp, -1.0, block=16, groups=1),
        _keops("f - SqDist(x, y)", "LogSumExp"),
    ),
]
