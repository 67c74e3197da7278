"""Signed integers in the order of the numbers: a search by bits needs no more than comparisons of them."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int, Real


def ordered_keys(x: Real[Array, "..."]) -> Int[Array, "..."]:
    """Integers of x's width that order as x does, a NaN above all."""
    kind = np.dtype(f"int{8 * x.dtype.itemsize}")
    if jnp.issubdtype(x.dtype, jnp.signedinteger):
        return x
    bits = lax.bitcast_convert_type(x, kind)
    if jnp.issubdtype(x.dtype, jnp.unsignedinteger):
        return bits ^ np.asarray(np.iinfo(kind).min, kind)
    return jnp.where(jnp.isnan(x), np.asarray(np.iinfo(kind).max, kind), _folded(bits))


def from_keys(key: Int[Array, "..."], dtype: Any) -> Real[Array, "..."]:
    """The numbers of the keys; the greatest key of a float is NaN."""
    if jnp.issubdtype(dtype, jnp.signedinteger):
        return key
    if jnp.issubdtype(dtype, jnp.unsignedinteger):
        return lax.bitcast_convert_type(key ^ np.asarray(np.iinfo(key.dtype).min, key.dtype), dtype)
    return lax.bitcast_convert_type(_folded(key), dtype)


def _folded(bits: Array) -> Array:
    """Floats hold sign and magnitude: the bits below the sign are inverted where it is set; its own inverse."""
    kind = bits.dtype.type
    return bits ^ ((bits >> kind(8 * bits.dtype.itemsize - 1)) & kind(np.iinfo(kind).max))
