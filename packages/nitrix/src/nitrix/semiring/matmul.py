"""The matrix product over a semiring: contract, checks, choice of backend."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Shaped

from nitrix.backend import Backend, Implementation, choose
from nitrix.semiring import kernels
from nitrix.semiring._plain import products
from nitrix.semiring._plain.streaming import STATE_ENTRIES
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import REAL
from nitrix.semiring.operands import Operands, empty_sum, operands
from nitrix.semiring.paired import Product

IMPLEMENTATIONS = (
    Implementation("pallas-cuda", "nitrix._kernels.cuda.semiring_matmul", kernels.cuda_refuses),
    Implementation("pallas-tpu", "nitrix._kernels.tpu.semiring_matmul", kernels.tpu_refuses),
    Implementation("jax", "nitrix.semiring._plain.products", lambda semiring, dtype: None),
)


def semiring_matmul(
    A: Shaped[ArrayLike, "*#batch m k"],
    B: Shaped[ArrayLike, "*#batch k n"],
    *,
    semiring: Semiring[Any] = REAL,
    backend: Backend = "auto",
) -> Shaped[Array, "*#batch m n"]:
    """Multiply matrices over a semiring: `out[i, j] = (+)_k A[i, k] (*) B[k, j]`.

    The (m, k, n) array of terms is never made, forward or backward. Over `REAL` this is `jnp.matmul` at full float32
    precision; call `jnp.matmul` itself where tensor cores or lower precision are wanted.

    Leading axes broadcast. Operands of different dtypes are promoted as JAX promotes them; float16 and bfloat16 are
    accumulated in float32 and come back as they came. Integers stay integers over `REAL`, of 32 bits at least; the
    other algebras are about real numbers and promote them (to float32, exact up to 2**24, or to float64 in 64-bit
    mode). `BOOLEAN` reads any operand as truth values, `astype(bool)`: nonzero, and NaN, are true.

    A NaN makes every entry that it enters NaN (but for `BOOLEAN`). An annihilator wins over an infinity of the other
    sign: over `TROPICAL_MAX_PLUS` and `LOG`, -inf (*) inf is -inf. With k = 0 every entry is the algebra's identity.

    Derivatives: `REAL` and the tropical algebras in both modes, through the first k that attains the extremum where
    several do; `LOG` and `EUCLIDEAN` in reverse mode, and forward over reverse; all to every order. An empty or
    infinite log-sum and a zero distance have derivative 0. `BOOLEAN` has none, nor has a user's algebra without
    `matmul_vjp`.

    Args:
      A: Left operand.
      B: Right operand.
      semiring: The algebra, a built-in one or your own `Semiring`.
      backend: "auto", "pallas-cuda", "pallas-tpu" or "jax"; see `nitrix.backend`.
    Returns:
      The product; float16 and bfloat16 operands give their own dtype, `BOOLEAN` gives bool.
    Raises:
      ValueError: If an operand is no matrix, the inner sizes differ, or the leading axes do not broadcast.
      TypeError: If a complex operand meets an algebra of real numbers; on differentiating a floating operand over
        `BOOLEAN` or over a forward-only algebra of yours.
    References:
      B. Charlier et al., Kernel operations on the GPU, with autodiff, without memory overflows. Journal of Machine
      Learning Research 22 (74), 2021. doi:10.48550/arXiv.2004.11127
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.semiring import TROPICAL_MIN_PLUS
      >>> hops = jnp.asarray([[0.0, 1.0, 9.0], [1.0, 0.0, 2.0], [9.0, 2.0, 0.0]])
      >>> semiring_matmul(hops, hops, semiring=TROPICAL_MIN_PLUS)  # shortest paths of at most two edges
      Array([[0., 1., 3.],
             [1., 0., 2.],
             [3., 2., 0.]], dtype=float32)
    """
    A, B = (x if isinstance(x, Array) else jnp.asarray(x) for x in (A, B))
    _check_shapes(A, B)
    given = operands("semiring_matmul", semiring, A=A, B=B)
    chosen = choose(
        IMPLEMENTATIONS, backend, semiring, given.working, function="semiring_matmul", arrays=(A, B)
    )
    return _multiply(A, B, semiring, given, chosen)


def _check_shapes(A: Array, B: Array) -> None:
    for name, x in (("A", A), ("B", B)):
        if x.ndim < 2:
            raise ValueError(
                f"semiring_matmul: {name} has shape {x.shape}, but a matrix is needed; add an axis, such as "
                f"{name}[None, :] for a row or {name}[:, None] for a column."
            )
    if A.shape[-1] != B.shape[-2]:
        raise ValueError(
            f"semiring_matmul: A has {A.shape[-1]} columns but B has {B.shape[-2]} rows (A {A.shape}, B {B.shape}); "
            f"transpose or slice one of them."
        )
    try:
        jnp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    except ValueError:
        raise ValueError(
            f"semiring_matmul: the leading axes of A {A.shape} and B {B.shape} do not broadcast; they must be equal, "
            f"1 or absent, axis by axis from the right."
        ) from None


@partial(jax.jit, static_argnames=("semiring", "given", "chosen"))
def _multiply(A: Array, B: Array, semiring: Semiring[Any], given: Operands, chosen: Implementation) -> Array:
    shape = (*jnp.broadcast_shapes(A.shape[:-2], B.shape[:-2]), A.shape[-2], B.shape[-1])
    if A.shape[-1] == 0 or 0 in shape:
        return given.give_back(empty_sum(semiring, shape, given.working))
    if chosen.backend == "jax":
        product, together = products.product(semiring), STATE_ENTRIES
    else:
        product, together = kernels.product(chosen.load(), semiring), None
    return given.give_back(_over_batch(product, given.take(A), given.take(B), together))


def _over_batch(product: Product, A: Array, B: Array, together: int | None) -> Array:
    """Apply a product of matrices over broadcasting leading axes, about `together` entries of results at a time."""
    if all(size == 1 for size in B.shape[:-2]) and A.ndim >= B.ndim:
        out = product(A.reshape(-1, A.shape[-1]), B.reshape(B.shape[-2:]))
        return out.reshape(*A.shape[:-1], B.shape[-1])
    ndim = max(A.ndim, B.ndim)
    A, B = (x.reshape((1,) * (ndim - x.ndim) + x.shape) for x in (A, B))
    batched = {name: x for name, x in (("A", A), ("B", B)) if x.shape[0] > 1}
    single = {name: x[0] for name, x in (("A", A), ("B", B)) if x.shape[0] == 1}

    def one(batched: dict[str, Array]) -> Array:
        both = batched | single
        return _over_batch(product, both["A"], both["B"], together)

    if not batched:
        return one({})[None]
    size = next(iter(batched.values())).shape[0]
    inner = jnp.broadcast_shapes(A.shape[1:-2], B.shape[1:-2])
    entries = A.shape[-2] * B.shape[-1]
    for length in inner:
        entries *= length
    group = size if together is None else max(1, together // entries)
    return jax.vmap(one)(batched) if group >= size else lax.map(one, batched, batch_size=group)
