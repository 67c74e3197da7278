"""Normalisation, exact percentiles, and tools for axes and masks of arrays."""
