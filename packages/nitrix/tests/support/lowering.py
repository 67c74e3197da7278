"""Lowering of a function for an accelerator that this machine may not have."""

import jax
from jax.sharding import AbstractDevice, AbstractMesh, use_abstract_mesh

DEVICES = {
    "cuda": AbstractDevice(device_kind="NVIDIA H100 80GB HBM3", num_cores=132, platform="gpu"),
    "tpu": AbstractDevice(device_kind="TPU v5 lite", num_cores=1, platform="tpu"),
}
KERNEL_CALLS = {"cuda": "__gpu$xla.gpu.triton", "tpu": "@tpu_custom_call"}


def lowered_text(function, platform, *operands):
    """The StableHLO text of `function` on `operands` (arrays or their forms), lowered for `platform`."""
    # From JAX 0.12 the lowering of a Triton kernel asks which GPU is meant.
    with use_abstract_mesh(AbstractMesh((), (), abstract_device=DEVICES[platform])):
        return jax.jit(function).trace(*operands).lower(lowering_platforms=(platform,)).as_text()


def kernel_calls(function, platform, *operands):
    """How many calls of a compiled kernel the lowered function holds."""
    return lowered_text(function, platform, *operands).count(KERNEL_CALLS[platform])
