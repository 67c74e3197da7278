"""Pallas kernels for NVIDIA GPUs, on the Triton lowering."""
