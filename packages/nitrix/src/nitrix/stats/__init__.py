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
