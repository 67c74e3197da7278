"""Time series: filters, confound regression, interpolation of censored frames, windows, convolutions."""

# Trends and confounds, taken out by least squares.
from nitrix.signal.filter.regression import confound_regression as confound_regression
from nitrix.signal.filter.regression import polynomial_detrend as polynomial_detrend

# Censored frames.
from nitrix.signal.interpolate.linear import linear_interpolate as linear_interpolate
