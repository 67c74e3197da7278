"""Covariance, correlation and precision of series, with weights, missing observations and gradients."""

# Of what other series leave.
from nitrix.stats.covariance.conditional import ccorr as ccorr
from nitrix.stats.covariance.conditional import ccov as ccov
from nitrix.stats.covariance.conditional import conditionalcorr as conditionalcorr
from nitrix.stats.covariance.conditional import conditionalcov as conditionalcov

# Of the channels of one set of series.
from nitrix.stats.covariance.marginal import corr as corr
from nitrix.stats.covariance.marginal import corrcoef as corrcoef
from nitrix.stats.covariance.marginal import cov as cov
from nitrix.stats.covariance.normalise import corrnorm as corrnorm

# Between two sets.
from nitrix.stats.covariance.paired import pairedcorr as pairedcorr
from nitrix.stats.covariance.paired import pairedcov as pairedcov

# Of each pair of channels given all others.
from nitrix.stats.covariance.partial import partialcorr as partialcorr
from nitrix.stats.covariance.partial import partialcov as partialcov
from nitrix.stats.covariance.partial import pcorr as pcorr
from nitrix.stats.covariance.partial import precision as precision
