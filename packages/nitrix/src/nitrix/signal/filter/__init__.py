"""Filters of time series: recursive ones as second-order sections."""

# Recursive filters: application.
from nitrix.signal.filter.causal import sosfilt as sosfilt

# Recursive filters: design on the host.
from nitrix.signal.filter.design import bessel_sos as bessel_sos
from nitrix.signal.filter.design import butterworth_sos as butterworth_sos
from nitrix.signal.filter.design import chebyshev1_sos as chebyshev1_sos
from nitrix.signal.filter.design import chebyshev2_sos as chebyshev2_sos
from nitrix.signal.filter.design import elliptic_sos as elliptic_sos
from nitrix.signal.filter.iir import iir_filter as iir_filter

# Trends and confounds, taken out by least squares.
from nitrix.signal.filter.regression import confound_regression as confound_regression
from nitrix.signal.filter.regression import polynomial_detrend as polynomial_detrend
from nitrix.signal.filter.zero_phase import sosfiltfilt as sosfiltfilt
