"""Maps of values on surfaces, whatever file they come in."""

from thrux.maps.files import Part as Part
from thrux.maps.files import SurfaceMaps as SurfaceMaps
from thrux.maps.files import load_maps as load_maps
