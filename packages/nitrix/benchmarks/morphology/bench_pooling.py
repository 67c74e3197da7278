"""Max pooling with indices against torch's, where that is installed, else against XLA's reduction without indices."""

import functools
import importlib.util
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from jax import lax
from nitrix.morphology import max_pool_with_indices_nd, max_unpool_nd

WORKLOADS: dict[str, tuple[tuple[int, ...], int, dict[str, int]]] = {  # name: (shape, spatial rank, options)
    "pool 2 96^3, 16 channels": ((16, 96, 96, 96), 3, {"pool_size": 2}),
    "pool 3 stride 2 512^2, 32 channels": ((32, 512, 512), 2, {"pool_size": 3, "stride": 2, "padding": 1}),
}
TORCH = importlib.util.find_spec("torch") is not None


@functools.cache
def _image(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _torch_pool(shape: tuple[int, ...], rank: int, options: dict[str, int]) -> Any:
    import torch
    from torch.nn import functional

    torch.set_num_threads(2)
    pool = getattr(functional, f"max_pool{rank}d")
    operand = torch.from_numpy(_image(shape)[None])
    size = options["pool_size"]
    keywords = {name: value for name, value in options.items() if name != "pool_size"}
    return lambda: pool(operand, size, return_indices=True, **keywords)


def _reduction(shape: tuple[int, ...], rank: int, options: dict[str, int]) -> Any:
    size, padding = options["pool_size"], options.get("padding", 0)
    stride = options.get("stride", size)
    operand = jnp.asarray(_image(shape))

    @jax.jit
    def pool(x):
        window, steps = (1, *[size] * rank), (1, *[stride] * rank)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, steps, [(0, 0), *[(padding, padding)] * rank])

    return lambda: pool(operand)


def _case(name: str, shape: tuple[int, ...], rank: int, options: dict[str, int]) -> Case:
    operand = functools.cache(lambda: jnp.asarray(_image(shape)))
    pool = functools.partial(max_pool_with_indices_nd, spatial_rank=rank, **options)
    rival = functools.cache(lambda: (_torch_pool if TORCH else _reduction)(shape, rank, options))
    return Case(
        name=name,
        operation="morphology.max_pool_with_indices_nd",
        ours=lambda: pool(operand()),
        rival=lambda: rival()(),
        rival_name="torch" if TORCH else "lax.reduce_window, no indices",
        program=lambda: jax.jit(pool).lower(operand()).compile(),
        volume_bytes=4 * math.prod(shape),
    )


def _unpool() -> Case:
    shape, rank, options = WORKLOADS["pool 2 96^3, 16 channels"]

    @functools.cache
    def pooled():
        return max_pool_with_indices_nd(_image(shape), spatial_rank=rank, **options)

    unpool = jax.jit(functools.partial(max_unpool_nd, output_shape=shape[1:], spatial_rank=rank))

    @functools.cache
    def rival():
        import torch
        from torch.nn import functional

        torch.set_num_threads(2)
        values, numbers = (torch.from_numpy(np.array(part)[None]) for part in pooled())
        return lambda: functional.max_unpool3d(values, numbers.long(), 2)

    return Case(
        name="unpool 2 96^3, 16 channels",
        operation="morphology.max_unpool_nd",
        ours=lambda: unpool(*pooled()),
        rival=lambda: rival()(),
        rival_name="torch",
        program=lambda: unpool.lower(*pooled()).compile(),
        volume_bytes=4 * math.prod(shape),
    )


CASES = [*(_case(name, *workload) for name, workload in WORKLOADS.items()), _unpool()]
