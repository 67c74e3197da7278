"""FreeSurfer's own files: surfaces, and maps of values on them."""

from thrux.freesurfer.geometry import is_geometry as is_geometry
from thrux.freesurfer.geometry import read_geometry as read_geometry
from thrux.freesurfer.mgh import MghFile as MghFile
from thrux.freesurfer.mgh import read_mgh as read_mgh
from thrux.freesurfer.mgh import write_mgh as write_mgh
