"""What the operands of a semiring operation are turned into, and how its result is given back."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.semiring.algebra import Semiring, check_contract
from nitrix.semiring.algebras import builtin
from nitrix.semiring.paired import forward_only


class Operands(NamedTuple):
    """The dtypes of a call, decided from those of its operands and from the algebra."""

    promoted: np.dtype  # the operands' own, by JAX promotion
    working: np.dtype  # in which terms are made and accumulated
    refuse_derivative: str | None  # for floating operands that are read as truth values

    def take(self, x: Array) -> Array:
        """An operand in the working dtype."""
        if self.refuse_derivative is None:
            return x.astype(self.working)
        return forward_only(lambda x: x.astype(self.working), self.refuse_derivative)(x)

    def give_back(self, out: Array) -> Array:
        """Results of low-precision operands come back in their dtype; all others stay as they are."""
        lower = out.dtype == self.working and jnp.issubdtype(self.promoted, jnp.floating)
        return out.astype(self.promoted) if lower else out


def operands(function: str, semiring: Semiring[Any], **arrays: Array) -> Operands:
    """Decide the dtypes; TypeError if they or the algebra's monoid do not serve."""
    given = _dtypes(function, semiring, arrays)
    if builtin(semiring) is None:
        check_contract(semiring, given.working)
    return given


def _dtypes(function: str, semiring: Semiring[Any], arrays: dict[str, Array]) -> Operands:
    identity = semiring.identity
    if isinstance(identity, bool):
        floating = any(jnp.issubdtype(x.dtype, jnp.inexact) for x in arrays.values())
        refusal = (
            f"{function} over the algebra {semiring.name!r} is not differentiable: it reads its operands as truth "
            f"values. Convert them yourself (x.astype(bool), or lax.stop_gradient(x)) where no gradient is meant; a "
            f"soft version is the LOG algebra on log-probabilities."
        )
        boolean = np.dtype(bool)
        return Operands(boolean, boolean, refusal if floating else None)
    promoted = np.dtype(jnp.result_type(*arrays.values()))
    if isinstance(identity, float):
        if jnp.issubdtype(promoted, jnp.complexfloating):
            given = ", ".join(f"{name} {x.dtype}" for name, x in arrays.items())
            raise TypeError(
                f"{function}: the algebra {semiring.name!r} is about real numbers but was given {given}; pass real "
                f"and imaginary parts apart, or use REAL, which takes complex numbers."
            )
        if not jnp.issubdtype(promoted, jnp.floating):
            promoted = np.dtype(jnp.result_type(float))
    return Operands(promoted, accumulator(promoted), None)


def accumulator(dtype: np.dtype) -> np.dtype:
    """Sums of short floats and of short integers are made in 32 bits."""
    if dtype.itemsize >= 4:
        return dtype
    if jnp.issubdtype(dtype, jnp.floating):
        return np.dtype(np.float32)
    return np.dtype(np.uint32 if jnp.issubdtype(dtype, jnp.unsignedinteger) else np.int32)


def empty_sum(semiring: Semiring[Any], shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """What the algebra makes of no terms."""
    return semiring.monoid.finalize(semiring.monoid.init(shape, dtype))


def form(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    """An array's shape and dtype without its values."""
    return jax.eval_shape(lambda: jnp.zeros(shape, dtype))
