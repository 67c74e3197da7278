"""Pallas kernels for TPUs, on the Mosaic lowering."""
