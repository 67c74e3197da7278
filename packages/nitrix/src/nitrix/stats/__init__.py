"""Covariances and correlations with weights and missing data; spectra and analytic signals."""

# Of the channels of one set of series.
from nitrix.stats.covariance import corr as corr
from nitrix.stats.covariance import corrcoef as corrcoef
from nitrix.stats.covariance import cov as cov
from nitrix.stats.covariance import partialcorr as partialcorr
from nitrix.stats.covariance import partialcov as partialcov
from nitrix.stats.covariance import pcorr as pcorr
from nitrix.stats.covariance import precision as precision
