"""Normalisation, exact percentiles, and tools for axes and masks of arrays."""

# Normalisation of intensities, series and vectors.
from nitrix.numerics.normalize import demean as demean
from nitrix.numerics.normalize import instance_norm as instance_norm
from nitrix.numerics.normalize import intensity_normalize as intensity_normalize
from nitrix.numerics.normalize import l2_normalize as l2_normalize
from nitrix.numerics.normalize import lp_normalize as lp_normalize
from nitrix.numerics.normalize import percentile_rescale as percentile_rescale
from nitrix.numerics.normalize import psc_normalize as psc_normalize
from nitrix.numerics.normalize import robust_zscore_normalize as robust_zscore_normalize
from nitrix.numerics.normalize import zscore_normalize as zscore_normalize

# Exact percentiles.
from nitrix.numerics.order_statistics import median as median
from nitrix.numerics.order_statistics import percentile as percentile

# Axes, masks and layouts; more of them in `nitrix.numerics.tensor_ops`.
from nitrix.numerics.tensor_ops import apply_mask as apply_mask
from nitrix.numerics.tensor_ops import broadcast_bias as broadcast_bias
from nitrix.numerics.tensor_ops import broadcast_ignoring as broadcast_ignoring
from nitrix.numerics.tensor_ops import complex_decompose as complex_decompose
from nitrix.numerics.tensor_ops import complex_recompose as complex_recompose
from nitrix.numerics.tensor_ops import conform_mask as conform_mask
from nitrix.numerics.tensor_ops import fold_axis as fold_axis
from nitrix.numerics.tensor_ops import orient_and_conform as orient_and_conform
from nitrix.numerics.tensor_ops import promote_to_rank as promote_to_rank
from nitrix.numerics.tensor_ops import reshape_to as reshape_to
from nitrix.numerics.tensor_ops import transpose as transpose
from nitrix.numerics.tensor_ops import transpose_tf_conv_kernel as transpose_tf_conv_kernel
from nitrix.numerics.tensor_ops import unfold_axes as unfold_axes
