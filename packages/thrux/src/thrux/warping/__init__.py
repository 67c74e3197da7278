"""Images taken through affines and displacement fields."""

from thrux.warping.affine import load_affine as load_affine
from thrux.warping.field import DisplacementField as DisplacementField
from thrux.warping.field import load_field as load_field
from thrux.warping.files import WarpReport as WarpReport
from thrux.warping.files import warp_file as warp_file
