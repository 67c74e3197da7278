"""How the series of regions go together in time, as matrices."""

from thrux.connectivity.files import ConnectivityReport as ConnectivityReport
from thrux.connectivity.files import connectivity_files as connectivity_files
from thrux.connectivity.matrices import Connectivity as Connectivity
from thrux.connectivity.matrices import Kind as Kind
from thrux.connectivity.matrices import connectivity as connectivity
from thrux.connectivity.regions import RegionSeries as RegionSeries
from thrux.connectivity.regions import load_region_series as load_region_series
from thrux.connectivity.regions import mean_by_label as mean_by_label
