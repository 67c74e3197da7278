"""Float64 inside a 32-bit program, for small decompositions that decide how exact the rest is."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.custom_batching import custom_vmap


def in_float64(function: Callable[..., Any], dtype: Any) -> Callable[..., Any]:
    """The function of arrays, computed in float64 whether x64 is on or off; floating results come back as `dtype`.

    Its arrays must have the same number of batch axes, of length 1 where they broadcast, which all results have too. It
    cannot be differentiated: give it a rule outside.
    """

    @custom_vmap
    def wide(*operands: Array | None) -> Any:
        with jax.enable_x64(True):
            results = function(
                *(x if x is None or x.dtype == np.bool_ else x.astype(np.float64) for x in operands)
            )
            return jax.tree.map(lambda x: x.astype(dtype), results)

    @wide.def_vmap
    def _(size: int, batched: Any, *operands: Any) -> tuple[Any, Any]:
        # Mapped one by one, the float64 operations would find themselves outside of the 64-bit mode.
        batch = [
            x if x is None or is_batched else x[None] for x, is_batched in zip(operands, batched, strict=True)
        ]
        results = wide(*batch)
        return results, jax.tree.map(lambda _: True, results)

    return wide
