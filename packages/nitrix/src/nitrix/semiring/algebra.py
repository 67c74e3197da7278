"""What an algebra is: a semigroup's (*), a monoid's (+) with any state, and the two together.

The monoid's state may be any pytree, so that stable online reductions carry what they need: a running maximum and sum
for log-sum-exp, a mean and a sum of squares for a variance. An operation whose state grows with the number of terms,
such as the median, is no monoid of this kind and stands outside this package.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass, fields
from functools import cache, partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike

S = TypeVar("S")
Scalar = bool | int | float | complex


@runtime_checkable
class Semigroup(Protocol):
    """The product (*) of an algebra."""

    def combine(self, a: Array, b: Array) -> Array:
        """`a (*) b`, elementwise, with broadcasting."""
        ...


@runtime_checkable
class Monoid(Protocol[S]):
    """The sum (+) of an algebra, as an online reduction with a state of any structure."""

    def init(self, shape: tuple[int, ...], dtype: DTypeLike) -> S:
        """The state of an empty sum, for results of this shape."""
        ...

    def update(self, state: S, value: Array) -> S:
        """The state after one more term; `value` broadcasts against the state's shape."""
        ...

    def merge(self, left: S, right: S) -> S:
        """The state of the terms of both."""
        ...

    def finalize(self, state: S) -> Array:
        """The value of the sum."""
        ...


class MatmulResiduals(NamedTuple):
    """What a matrix product's backward rule of a user's algebra is given, beside the cotangent."""

    A: Array  # [m, k]
    B: Array  # [k, n]
    out: Array  # [m, n]


class EllMatmulResiduals(NamedTuple):
    """What an ELL product's backward rule of a user's algebra is given, beside the cotangent."""

    values: Array  # [m, k_max]
    indices: Array  # [m, k_max]
    valid: Array  # [m, k_max], False at slots past a row's degree
    B: Array  # [n, c]
    out: Array  # [m, c]


MatmulVJP = Callable[[MatmulResiduals, Array], tuple[Array, Array]]
EllMatmulVJP = Callable[[EllMatmulResiduals, Array], tuple[Array, Array]]


@dataclass(frozen=True)
class Semiring(Generic[S]):
    """A relaxed algebra: (+) is a monoid; nothing is claimed of (*).

    Products over it fix the order of reduction, so they need no more. `identity` and `annihilator` are two things:
    the Euclidean algebra has the identity 0 and no annihilator.

    Args:
      monoid: The sum (+).
      binary_op: The product (*).
      name: For messages.
      identity: The sum of nothing, a Python scalar. Its type names the operands that the algebra is about: with a
        bool they are read as truth values, with a float integers are promoted to real numbers and complex numbers are
        refused, with an int or a complex number they stay what they are.
      annihilator: The `z` with `z (*) b = identity` for every `b`, a Python scalar; None if there is none.
      matmul_vjp: `(MatmulResiduals, cotangent) -> (dA, dB)` on matrices. Without it, products over a user's algebra
        are forward-only, and differentiating them raises a TypeError.
      ell_matmul_vjp: `(EllMatmulResiduals, cotangent) -> (dvalues, dB)`, likewise.
      strict: Ask for a `StrictSemiring`, whose claims are checked.
    Raises:
      TypeError: If `identity` or `annihilator` is not a scalar.
      ValueError: If a strict algebra is asked for and a check of its claims fails.
    Example:
      >>> from nitrix.semiring import REAL
      >>> relaxed = Semiring(REAL.monoid, REAL.binary_op, "mine", identity=0.0)
      >>> relaxed.as_strict().name
      'mine'
    """

    monoid: Monoid[S]
    binary_op: Semigroup
    name: str
    identity: Scalar
    annihilator: Scalar | None = None
    _: KW_ONLY
    matmul_vjp: MatmulVJP | None = None
    ell_matmul_vjp: EllMatmulVJP | None = None
    strict: InitVar[bool] = False

    def __new__(cls, *_: Any, strict: bool = False, **__: Any) -> "Semiring[S]":
        return object.__new__(StrictSemiring if strict else cls)

    def __post_init__(self, strict: bool) -> None:
        for part, protocol, methods in (
            (self.monoid, Monoid, "init, update, merge and finalize"),
            (self.binary_op, Semigroup, "combine"),
        ):
            if not isinstance(part, protocol) or isinstance(part, type):
                raise TypeError(
                    f"Semiring {self.name!r}: {part!r} is no {protocol.__name__}; give an object with {methods}."
                )
        for name in ("identity", "annihilator"):
            value = getattr(self, name)
            optional = name == "annihilator" and value is None
            if not optional and not isinstance(value, bool | int | float | complex | np.number | np.bool_):
                raise TypeError(
                    f"Semiring {self.name!r}: {name} is {value!r}; give a Python scalar such as 0.0, -math.inf, False."
                )
            if isinstance(value, np.generic):
                object.__setattr__(self, name, value.item())
        try:
            hash(self)
        except TypeError as error:
            raise TypeError(
                f"Semiring {self.name!r} is not hashable ({error}), so that no compiled product could be kept for it; "
                f"make its monoid and binary_op frozen dataclasses or plain classes."
            ) from None

    def as_strict(self) -> "StrictSemiring[S]":
        """The same algebra with its claims of associativity and distributivity checked (ValueError if they fail)."""
        return StrictSemiring(**_parts(self))

    def as_relaxed(self) -> "Semiring[S]":
        """The same algebra without claims."""
        return Semiring(**_parts(self))


@dataclass(frozen=True)
class StrictSemiring(Semiring[S]):
    """An algebra whose (*) is associative and distributes over (+): reductions over it may be reordered.

    The claims, and those of `identity` and `annihilator`, are checked on sampled values at construction, so that an
    algebra such as the Euclidean one cannot be made strict. Arguments and errors are those of `Semiring`.

    Example:
      >>> from nitrix.semiring import EUCLIDEAN
      >>> EUCLIDEAN.as_strict()
      Traceback (most recent call last):
      ...
      ValueError: 'euclidean' cannot be strict: (a (*) b) (*) c is ... but a (*) (b (*) c) is ... at ...
    """

    def __post_init__(self, strict: bool) -> None:
        super().__post_init__(strict)
        check_strict(self)


def trusted(**parts: Any) -> StrictSemiring[Any]:
    """A built-in algebra: the tests check its claims, since a check at import would start a device."""
    semiring = object.__new__(StrictSemiring)
    for field in fields(StrictSemiring):
        object.__setattr__(semiring, field.name, parts.get(field.name))
    return semiring


def _parts(semiring: Semiring[S]) -> dict[str, Any]:
    return {field.name: getattr(semiring, field.name) for field in fields(semiring)}


@cache
def check_contract(semiring: Semiring[Any], dtype: np.dtype) -> None:
    """Check that the monoid keeps its state's structure, and gives results of the shape asked for."""
    one, monoid = (1, 1), semiring.monoid
    state = jax.eval_shape(lambda: monoid.init(one, dtype))
    value = jax.eval_shape(lambda: jnp.zeros(one, dtype))
    new = jax.eval_shape(lambda s, a: monoid.update(s, semiring.binary_op.combine(a, a)), state, value)
    described = [_described(x) for x in (state, new)]
    if described[0] != described[1]:
        raise TypeError(
            f"the algebra {semiring.name!r}: update turns the state {described[0]} into {described[1]}; it must keep "
            f"the structure, shapes and dtypes that init gives."
        )
    shape = jax.eval_shape(monoid.finalize, state).shape
    if shape != one:
        raise TypeError(
            f"the algebra {semiring.name!r}: finalize gives shape {shape} for a result of shape {one}; it must give "
            f"one number for each."
        )


def _described(state: Any) -> str:
    leaves = [f"{x.dtype}[{','.join(map(str, x.shape))}]" for x in jax.tree.leaves(state)]
    return ", ".join(leaves)


def sum_of(semiring: Semiring[Any], *terms: Array) -> Array:
    """The sum (+) of a few arrays of one shape, as an array."""
    state = semiring.monoid.init(terms[0].shape, terms[0].dtype)
    for term in terms:
        state = semiring.monoid.update(state, term)
    return semiring.monoid.finalize(state)


def check_strict(semiring: Semiring[Any]) -> None:
    """Check the axioms of a strict semiring on every triple of a few values; ValueError names the first that fails."""
    boolean = isinstance(semiring.identity, bool | np.bool_)
    samples = [False, True] if boolean else [-2.0, -0.5, 0.0, 0.75, 1.0, 3.0]
    with jax.ensure_compile_time_eval():
        values = jnp.asarray(samples)
        a, b, c = (x.ravel() for x in jnp.meshgrid(values, values, values, indexing="ij"))
        times, plus = semiring.binary_op.combine, partial(sum_of, semiring)
        identity = jnp.full_like(a, semiring.identity)
        laws = {
            "(a (*) b) (*) c": (times(times(a, b), c), "a (*) (b (*) c)", times(a, times(b, c))),
            "(a (+) b) (+) c": (plus(plus(a, b), c), "a (+) (b (+) c)", plus(a, plus(b, c))),
            "a (*) (b (+) c)": (times(a, plus(b, c)), "a (*) b (+) a (*) c", plus(times(a, b), times(a, c))),
            "(a (+) b) (*) c": (times(plus(a, b), c), "a (*) c (+) b (*) c", plus(times(a, c), times(b, c))),
            "a (+) identity": (plus(a, identity), "a", a),
        }
        if semiring.annihilator is not None:
            zero = jnp.full_like(a, semiring.annihilator)
            laws["annihilator (*) b"] = (times(zero, b), "identity", identity)
        for law, (left, equal, right) in laws.items():
            wrong = ~np.isclose(np.asarray(left, complex), np.asarray(right, complex), rtol=1e-5, atol=1e-6)
            if wrong.any():
                at = int(np.argmax(wrong))
                raise ValueError(
                    f"{semiring.name!r} cannot be strict: {law} is {left[at]} but {equal} is {right[at]} "
                    f"at a={a[at]}, b={b[at]}, c={c[at]}; use the relaxed Semiring."
                )
