"""Covariances and correlations with weights and missing data; spectra and analytic signals."""
