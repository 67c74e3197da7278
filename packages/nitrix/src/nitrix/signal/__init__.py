"""Time series: filters, confound regression, interpolation of censored frames, windows, convolutions."""
