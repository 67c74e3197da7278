"""Filters of time series: recursive ones as second-order sections, FIR filters, gains on frequencies, regression."""

# Gains on the frequencies of a whole series.
from nitrix.signal.filter.band import bandpass as bandpass
from nitrix.signal.filter.band import bandstop as bandstop
from nitrix.signal.filter.band import highpass as highpass
from nitrix.signal.filter.band import lowpass as lowpass

# Sections of recursive filters, applied forwards.
from nitrix.signal.filter.causal import sosfilt as sosfilt

# Designs of recursive filters, on the host.
from nitrix.signal.filter.design import bessel_sos as bessel_sos
from nitrix.signal.filter.design import butterworth_sos as butterworth_sos
from nitrix.signal.filter.design import chebyshev1_sos as chebyshev1_sos
from nitrix.signal.filter.design import chebyshev2_sos as chebyshev2_sos
from nitrix.signal.filter.design import elliptic_sos as elliptic_sos

# FIR filters, and their designs on the host.
from nitrix.signal.filter.fir import fir_filter as fir_filter
from nitrix.signal.filter.fir_design import firls as firls
from nitrix.signal.filter.fir_design import firwin as firwin

# Recursive filters, designed and applied.
from nitrix.signal.filter.iir import iir_filter as iir_filter

# Spectra without a design.
from nitrix.signal.filter.plain_spectra import clamp_spectrum as clamp_spectrum
from nitrix.signal.filter.plain_spectra import ideal_spectrum as ideal_spectrum
from nitrix.signal.filter.plain_spectra import randn_spectrum as randn_spectrum

# Trends and confounds, taken out by least squares.
from nitrix.signal.filter.regression import confound_regression as confound_regression
from nitrix.signal.filter.regression import polynomial_detrend as polynomial_detrend

# Spectra of the designs.
from nitrix.signal.filter.spectra import bessel_spectrum as bessel_spectrum
from nitrix.signal.filter.spectra import butterworth_spectrum as butterworth_spectrum
from nitrix.signal.filter.spectra import chebyshev1_spectrum as chebyshev1_spectrum
from nitrix.signal.filter.spectra import chebyshev2_spectrum as chebyshev2_spectrum
from nitrix.signal.filter.spectra import elliptic_spectrum as elliptic_spectrum
from nitrix.signal.filter.spectra import frequency_response as frequency_response

# Sections of recursive filters, applied forwards and backwards.
from nitrix.signal.filter.zero_phase import sosfiltfilt as sosfiltfilt
