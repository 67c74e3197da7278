"""Covariances and correlations with weights and missing data; spectra and analytic signals."""

# Covariances and correlations.
from nitrix.stats.covariance import ccorr as ccorr
from nitrix.stats.covariance import ccov as ccov
from nitrix.stats.covariance import conditionalcorr as conditionalcorr
from nitrix.stats.covariance import conditionalcov as conditionalcov
from nitrix.stats.covariance import corr as corr
from nitrix.stats.covariance import corrcoef as corrcoef
from nitrix.stats.covariance import corrnorm as corrnorm
from nitrix.stats.covariance import cov as cov
from nitrix.stats.covariance import pairedcorr as pairedcorr
from nitrix.stats.covariance import pairedcov as pairedcov
from nitrix.stats.covariance import partialcorr as partialcorr
from nitrix.stats.covariance import partialcov as partialcov
from nitrix.stats.covariance import pcorr as pcorr
from nitrix.stats.covariance import precision as precision

# Spectra and analytic signals.
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
