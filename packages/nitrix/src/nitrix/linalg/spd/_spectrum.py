"""A function of a symmetric matrix through its eigenvalues, with derivatives that are right where those coincide."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from nitrix.linalg.spd._divided_differences import Spectral, second

Matrices = Float[Array, "... d d"]


class Floor(NamedTuple):
    """What an eigenvalue counts as at least: `least`, and `share` of the largest one per row of the matrix."""

    share: float | None
    least: Any


NO_FLOOR = Floor(None, -float("inf"))


class Spectrum(NamedTuple):
    """Eigenvalues, eigenvectors in columns, and the least value that an eigenvalue counts as; all held constant."""

    values: Float[Array, "... d"]
    vectors: Float[Array, "... d d"]
    floor: Float[Array, "... 1"]


def apply_to_spectrum(function: Spectral, matrix: Matrices, floor: Floor) -> Matrices:
    """Q f(max(l, floor)) Q' of a symmetric matrix Q diag(l) Q'; the floor counts as a constant in derivatives."""
    return spectral(function, matrix, spectrum_of(matrix, floor))


def spectrum_of(matrix: Matrices, floor: Floor) -> Spectrum:
    """Eigenvalues and eigenvectors, of which the matrix's derivatives know nothing."""
    vectors, values = lax.linalg.eigh(lax.stop_gradient(matrix), symmetrize_input=False)
    least = jnp.broadcast_to(lax.stop_gradient(floor.least), (*values.shape[:-1], 1)).astype(values.dtype)
    if floor.share is not None:
        largest = jnp.max(jnp.abs(values), axis=-1, keepdims=True, initial=0)
        least = jnp.maximum(least, largest * (values.shape[-1] * floor.share))
    return Spectrum(values, vectors, least)


# Around S = Q diag(l) Q', with H = Q' E Q and divided differences of f at the eigenvalues (Daleckii and Krein):
#   Df(S)[E] = Q (f[l_a, l_b] H_ab) Q'
#   D^2 f(S)[E, E'] = Q (sum_k f[l_a, l_k, l_b] (H_ak H'_kb + H'_ak H_kb)) Q'
# Neither divides by a gap. Eigenvectors are never differentiated: the spectrum is a constant beside the matrix.
@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def spectral(function: Spectral, matrix: Matrices, spectrum: Spectrum) -> Matrices:
    """f(S); the matrix itself is not read, but carries the derivatives."""
    mapped = function.value(jnp.maximum(spectrum.values, spectrum.floor))
    return symmetrised(product(spectrum.vectors * mapped[..., None, :], _transposed(spectrum.vectors)))


@spectral.defjvp
def _spectral_jvp(function: Spectral, primals: Any, tangents: Any) -> tuple[Matrices, Matrices]:
    matrix, spectrum = primals
    return spectral(function, matrix, spectrum), frechet(function, matrix, spectrum, tangents[0])


def frechet(function: Spectral, matrix: Matrices, spectrum: Spectrum, direction: Matrices) -> Matrices:
    """X = Df(S)[E] of a symmetric E, as the solution of X - Df(S)[Y] = 0, Y = E.

    JAX takes derivatives with respect to S from the equations, which are not evaluated before: that spares the second
    divided differences, d^3 of them, where none are wanted.
    """
    differences = _first(function, spectrum)

    def apply(e: Matrices) -> Matrices:
        return _out_of(spectrum, differences * _into(spectrum, e))

    def bent(e: Matrices) -> Matrices:
        h, change = _into(spectrum, e), _into(spectrum, _change(matrix))
        pairs = change[..., :, :, None] * h[..., None, :, :] + h[..., :, :, None] * change[..., None, :, :]
        return _out_of(spectrum, jnp.sum(_second(function, spectrum) * pairs, axis=-2))

    def plus(pair: Array, x: Matrices, y: Matrices) -> Array:
        return pair + jnp.stack([x, y])  # one array, since JAX transposes either all operands or none

    zero = jnp.zeros_like(direction)
    return lax.custom_linear_solve(
        lambda xy: plus(xy, -apply(xy[1]) - bent(xy[1]), zero),
        jnp.stack([zero, direction]),
        lambda _, right: plus(right, apply(right[1]), zero),
        lambda _, right: plus(right, zero, apply(right[0])),
    )[0]


@jax.custom_jvp
def _change(matrix: Matrices) -> Matrices:
    """0, which moves with the matrix."""
    return jnp.zeros_like(matrix)


@_change.defjvp
def _change_jvp(primals: Any, tangents: Any) -> tuple[Matrices, Matrices]:
    return _change(primals[0]), _last_order(primals[0]) * tangents[0]


@jax.custom_jvp
def _last_order(matrix: Matrices) -> Array:
    """1, which must not be differentiated: third divided differences are not at hand."""
    return jnp.ones((), matrix.dtype)


@_last_order.defjvp
def _last_order_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    raise NotImplementedError(
        "Functions of symmetric matrices have derivatives to the second order; a third one was asked for."
    )


def _first(function: Spectral, spectrum: Spectrum) -> Float[Array, "... d d"]:
    """Divided differences of x -> f(max(x, floor)): f[max(a), max(b)] times that of the maximum, 0 under the floor."""
    a, b = spectrum.values[..., :, None], spectrum.values[..., None, :]
    floor = spectrum.floor[..., None]
    slope = _floor_first(a, b, floor)
    differences = function.first(jnp.maximum(a, floor), jnp.maximum(b, floor))
    return jnp.where(slope == 0, 0, slope * differences)


def _second(function: Spectral, spectrum: Spectrum) -> Float[Array, "... d d d"]:
    """(f o m)[a, k, b] = f[m(a), m(k), m(b)] m[a, b] m[k, b] + f[m(a), m(k)] m[a, k, b], for ordered nodes."""
    values, floor = spectrum.values, spectrum.floor[..., None, None]
    a, k, b = values[..., :, None, None], values[..., None, :, None], values[..., None, None, :]
    low, high = jnp.minimum(jnp.minimum(a, k), b), jnp.maximum(jnp.maximum(a, k), b)
    middle = jnp.maximum(jnp.minimum(a, k), jnp.minimum(jnp.maximum(a, k), b))
    clipped_low, clipped_middle, clipped_high = (jnp.maximum(x, floor) for x in (low, middle, high))
    bent = _floor_first(low, high, floor) * _floor_first(middle, high, floor)
    corner = _floor_first(middle, high, floor) - _floor_first(low, middle, floor)
    corner = jnp.where(corner == 0, 0, corner / jnp.where(corner == 0, 1, high - low))
    smooth = second(function, clipped_low, clipped_middle, clipped_high)
    first = function.first(clipped_low, clipped_middle)
    return jnp.where(bent == 0, 0, bent * smooth) + jnp.where(corner == 0, 0, corner * first)


def _floor_first(a: Array, b: Array, floor: Array) -> Array:
    """The divided difference of x -> max(x, floor)."""
    gap = a - b
    mixed = (jnp.maximum(a, floor) - jnp.maximum(b, floor)) / jnp.where(gap == 0, 1, gap)
    above = (a > floor) & (b > floor)
    return jnp.where(above, 1, jnp.where((a <= floor) & (b <= floor), 0, mixed)).astype(a.dtype)


def product(a: Matrices, b: Matrices) -> Matrices:
    """The matrix product, in full precision on every device."""
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)


def symmetrised(x: Matrices) -> Matrices:
    """(X + X') / 2."""
    return 0.5 * (x + _transposed(x))


def _transposed(x: Matrices) -> Matrices:
    return jnp.swapaxes(x, -2, -1)


def _into(spectrum: Spectrum, x: Matrices) -> Matrices:
    return product(_transposed(spectrum.vectors), product(x, spectrum.vectors))


def _out_of(spectrum: Spectrum, x: Matrices) -> Matrices:
    return symmetrised(product(spectrum.vectors, product(x, _transposed(spectrum.vectors))))
