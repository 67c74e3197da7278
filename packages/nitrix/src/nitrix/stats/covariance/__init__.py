"""Covariance, correlation and precision of series, with weights, missing observations and gradients."""

from nitrix.stats.covariance.marginal import corr as corr
from nitrix.stats.covariance.marginal import corrcoef as corrcoef
from nitrix.stats.covariance.marginal import cov as cov
from nitrix.stats.covariance.partial import partialcorr as partialcorr
from nitrix.stats.covariance.partial import partialcov as partialcov
from nitrix.stats.covariance.partial import pcorr as pcorr
from nitrix.stats.covariance.partial import precision as precision
