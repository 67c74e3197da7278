"""Filters of time series, in time and in frequency; trends and confounds taken out by regression."""

# Least squares.
from nitrix.signal.filter.regression import confound_regression as confound_regression
from nitrix.signal.filter.regression import polynomial_detrend as polynomial_detrend
