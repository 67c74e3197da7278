"""Reads second-order sections, and refuses in words what is none."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def sections(sos: Any, function: str, *, settles: bool = False) -> Any:
    """Rows (b0, b1, b2, 1, a1, a2) in NumPy float64, or traced ones; `settles`: a constant has a steady response."""
    shape = np.shape(sos)
    if len(shape) != 2 or shape[1] != 6 or shape[0] == 0:
        raise ValueError(
            f"{function}: sos has shape {shape}; give one row (b0, b1, b2, a0, a1, a2) for each section."
        )
    if isinstance(sos, jax.core.Tracer):
        if not jnp.issubdtype(sos.dtype, jnp.floating):
            raise TypeError(f"{function}: sos has dtype {sos.dtype}; give floats.")
        rows = sos.astype(np.float32) if sos.dtype.itemsize <= 2 else sos
        return rows / rows[:, 3:4]
    given = np.asarray(sos)
    if given.dtype.kind not in "fiu" and given.dtype != jnp.bfloat16:
        raise TypeError(f"{function}: sos has dtype {given.dtype}; give real numbers.")
    known = given.astype(np.float64)
    if not np.isfinite(known).all() or (known[:, 3] == 0).any():
        raise ValueError(f"{function}: sos must be finite and its a0 (column 3) not zero.")
    known = known / known[:, 3:4]
    if settles and (1 + known[:, 4] + known[:, 5] == 0).any():
        raise ValueError(
            f"{function}: a section of sos has a pole at zero frequency (1 + a1 + a2 = 0), so that a constant has no "
            f"steady response to start from; use sosfilt, or move the pole."
        )
    return known
