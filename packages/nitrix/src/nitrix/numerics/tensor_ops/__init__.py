"""Tools for the axes, masks and layouts of arrays."""

# Numbers of axes.
from nitrix.numerics.tensor_ops._axes import atleast_4d as atleast_4d
from nitrix.numerics.tensor_ops._axes import axis_complement as axis_complement
from nitrix.numerics.tensor_ops._axes import demote_axis as demote_axis
from nitrix.numerics.tensor_ops._axes import negative_axis_number as negative_axis_number
from nitrix.numerics.tensor_ops._axes import negative_axis_number_strict as negative_axis_number_strict
from nitrix.numerics.tensor_ops._axes import promote_axis as promote_axis
from nitrix.numerics.tensor_ops._axes import promote_to_rank as promote_to_rank
from nitrix.numerics.tensor_ops._axes import standard_axis_number as standard_axis_number
from nitrix.numerics.tensor_ops._axes import standard_axis_number_strict as standard_axis_number_strict

# Shapes that fit together.
from nitrix.numerics.tensor_ops._broadcast import broadcast_ignoring as broadcast_ignoring
from nitrix.numerics.tensor_ops._broadcast import extend_to_max_size as extend_to_max_size
from nitrix.numerics.tensor_ops._broadcast import extend_to_size as extend_to_size
from nitrix.numerics.tensor_ops._broadcast import orient_and_conform as orient_and_conform

# Amplitude and phase.
from nitrix.numerics.tensor_ops._complex import amplitude_apply as amplitude_apply
from nitrix.numerics.tensor_ops._complex import complex_decompose as complex_decompose
from nitrix.numerics.tensor_ops._complex import complex_recompose as complex_recompose

# One axis as two, two as one.
from nitrix.numerics.tensor_ops._folds import demote_and_unfold as demote_and_unfold
from nitrix.numerics.tensor_ops._folds import fold_and_promote as fold_and_promote
from nitrix.numerics.tensor_ops._folds import fold_axis as fold_axis
from nitrix.numerics.tensor_ops._folds import unfold_axes as unfold_axes

# Layouts of network parameters.
from nitrix.numerics.tensor_ops._layouts import broadcast_bias as broadcast_bias
from nitrix.numerics.tensor_ops._layouts import reshape_to as reshape_to
from nitrix.numerics.tensor_ops._layouts import transpose as transpose
from nitrix.numerics.tensor_ops._layouts import transpose_tf_conv_kernel as transpose_tf_conv_kernel

# Masks.
from nitrix.numerics.tensor_ops._masks import apply_mask as apply_mask
from nitrix.numerics.tensor_ops._masks import conform_mask as conform_mask
from nitrix.numerics.tensor_ops._masks import mask_tensor as mask_tensor
from nitrix.numerics.tensor_ops._masks import masker as masker

# Functions mapped over leading axes.
from nitrix.numerics.tensor_ops._vmap_over_outer import vmap_over_outer as vmap_over_outer
