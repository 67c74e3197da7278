"""Time series: filters, confound regression, interpolation of censored frames, windows, convolutions."""

# Filters: design on the host, and application; trends and confounds taken out by least squares.
from nitrix.signal.filter.causal import sosfilt as sosfilt
from nitrix.signal.filter.design import bessel_sos as bessel_sos
from nitrix.signal.filter.design import butterworth_sos as butterworth_sos
from nitrix.signal.filter.design import chebyshev1_sos as chebyshev1_sos
from nitrix.signal.filter.design import chebyshev2_sos as chebyshev2_sos
from nitrix.signal.filter.design import elliptic_sos as elliptic_sos
from nitrix.signal.filter.iir import iir_filter as iir_filter
from nitrix.signal.filter.regression import confound_regression as confound_regression
from nitrix.signal.filter.regression import polynomial_detrend as polynomial_detrend
from nitrix.signal.filter.zero_phase import sosfiltfilt as sosfiltfilt

# Censored frames.
from nitrix.signal.interpolate.hybrid import hybrid_interpolate as hybrid_interpolate
from nitrix.signal.interpolate.linear import linear_interpolate as linear_interpolate
from nitrix.signal.interpolate.lomb_scargle import lomb_scargle_interpolate as lomb_scargle_interpolate
from nitrix.signal.interpolate.periodogram import lomb_scargle_periodogram as lomb_scargle_periodogram

# Random windows.
from nitrix.signal.window import sample_windows as sample_windows

# Spectra and analytic signals, of `nitrix.stats`.
from nitrix.stats.fourier import Instantaneous as Instantaneous
from nitrix.stats.fourier import analytic_signal as analytic_signal
from nitrix.stats.fourier import env_inst as env_inst
from nitrix.stats.fourier import envelope as envelope
from nitrix.stats.fourier import hilbert_transform as hilbert_transform
from nitrix.stats.fourier import instantaneous_frequency as instantaneous_frequency
from nitrix.stats.fourier import instantaneous_phase as instantaneous_phase
from nitrix.stats.fourier import product_filter as product_filter
from nitrix.stats.fourier import product_filtfilt as product_filtfilt
from nitrix.stats.fourier import unwrap as unwrap
