"""The semiring products of 512 x 512 matrices, float32.

"Gradient" is value and gradient, against the rival's value alone; only the log-sum-exp of wide operands, where the
gradient is streamed too, is set against a rival's value and gradient.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from nitrix import semiring
from nitrix.semiring import semiring_matmul
from nitrix.semiring._plain import streaming, tropical
from scipy.spatial.distance import cdist

SIZE = 512


def _benign(rng):
    return rng.normal(size=(SIZE, SIZE))


def _wide(rng):
    """Every exponential of a term, shifted by the maxima of its row and column, underflows."""
    return rng.uniform(-1e4, 1e4, (SIZE, SIZE))


@functools.cache
def _operands(draw):
    rng = np.random.default_rng(0)
    return tuple(draw(rng).astype(np.float32) for _ in range(2))


@functools.cache
def _device_operands(draw):
    return tuple(jnp.asarray(x) for x in _operands(draw))


def _numba(name):
    def rival(A, B):
        import numba_products

        return getattr(numba_products, name)(A, B)

    return rival


@functools.cache
def _matmul():
    return jax.jit(functools.partial(jnp.matmul, precision="highest"))


RIVALS = {  # algebra: (its name, how it is called on NumPy operands)
    semiring.REAL: ("jnp.matmul", lambda A, B: _matmul()(*_device_operands(_benign))),
    semiring.TROPICAL_MAX_PLUS: ("numba triple loop", _numba("max_plus")),
    semiring.TROPICAL_MIN_PLUS: ("numba triple loop", _numba("min_plus")),
    semiring.LOG: ("numba two-pass log-sum-exp", _numba("log_sum_exp")),
    semiring.EUCLIDEAN: ("scipy.spatial.distance.cdist", lambda A, B: cdist(A, B.T)),
    semiring.BOOLEAN: ("jnp.matmul", lambda A, B: _matmul()(*_device_operands(_benign))),
}


def _case(algebra, bar, *, draw=_benign, gradient=False):
    def product(A, B):
        return semiring_matmul(A, B, semiring=algebra)

    def loss(A, B):
        return jnp.sum(product(A, B))

    compute = jax.jit(jax.value_and_grad(loss, (0, 1))) if gradient else product
    rival_name, rival = RIVALS[algebra]
    if draw is _wide and gradient:
        rival_name, rival = "numba value and gradient", _numba("log_sum_exp_value_and_gradient")
    name = f"{algebra.name} {SIZE}^3" + (" wide" if draw is _wide else "") + (" gradient" if gradient else "")
    return Case(
        name=name,
        operation="semiring.semiring_matmul" + (" (gradient)" if gradient else ""),
        ours=lambda: compute(*_device_operands(draw)),
        rival=lambda: rival(*_operands(draw)),
        rival_name=rival_name,
        bar=bar,
        program=lambda: jax.jit(compute).lower(*_device_operands(draw)).compile(),
    )


def _chunked(terms):
    """The max-plus product with so many terms folded per loop step."""

    @functools.cache
    def compiled():
        before, streaming.CHUNK = streaming.CHUNK, terms
        try:
            product = functools.partial(tropical.product, largest=True)
            return jax.jit(product).lower(*_device_operands(_benign)).compile()
        finally:
            streaming.CHUNK = before

    return lambda: compiled()(*_device_operands(_benign))


CASES = [
    Case(
        name="tropical_max_plus chunks of 16 terms",
        operation="semiring.semiring_matmul (chunks)",
        ours=_chunked(16),
        rival=_chunked(8),
        rival_name="chunks of 8 terms",
    ),
    _case(semiring.REAL, 1 / 1.2),
    _case(semiring.TROPICAL_MAX_PLUS, 1 / 1.3),
    _case(semiring.TROPICAL_MAX_PLUS, 1 / 4, gradient=True),
    _case(semiring.TROPICAL_MIN_PLUS, 1 / 1.3),
    _case(semiring.TROPICAL_MIN_PLUS, 1 / 4, gradient=True),
    _case(semiring.LOG, 40),
    _case(semiring.LOG, 15, gradient=True),
    _case(semiring.LOG, 12, draw=_wide),
    _case(semiring.LOG, 15, draw=_wide, gradient=True),
    _case(semiring.EUCLIDEAN, 12),
    _case(semiring.EUCLIDEAN, 4, gradient=True),
    _case(semiring.BOOLEAN, 1 / 1.5),
]
