"""Symmetric positive definite matrices: functions of them, their tangent spaces and their means."""

# The geometric mean.
from nitrix.linalg.spd.karcher import KarcherMean as KarcherMean
from nitrix.linalg.spd.karcher import karcher_mean as karcher_mean
from nitrix.linalg.spd.karcher import mean_geometric as mean_geometric

# Functions of the eigenvalues.
from nitrix.linalg.spd.maps import symexp as symexp
from nitrix.linalg.spd.maps import symlog as symlog
from nitrix.linalg.spd.maps import symmap as symmap
from nitrix.linalg.spd.maps import sympower as sympower
from nitrix.linalg.spd.maps import symsqrt as symsqrt

# Other means.
from nitrix.linalg.spd.means import mean_euclidean as mean_euclidean
from nitrix.linalg.spd.means import mean_harmonic as mean_harmonic
from nitrix.linalg.spd.means import mean_kullback as mean_kullback
from nitrix.linalg.spd.means import mean_log_euclidean as mean_log_euclidean

# Tangent spaces.
from nitrix.linalg.spd.tangent import cone_project_spd as cone_project_spd
from nitrix.linalg.spd.tangent import tangent_project_spd as tangent_project_spd
from nitrix.linalg.spd.tangent import update_tangent_reference as update_tangent_reference
