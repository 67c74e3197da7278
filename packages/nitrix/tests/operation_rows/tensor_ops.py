"""Rows of `nitrix.numerics.tensor_ops`, under `numerics` where that exports them."""

import jax.numpy as jnp
import numpy as np
from nitrix import numerics
from nitrix.numerics import tensor_ops

from operation_rows.row import BATCH, Row, each, normal

MASK = np.array([True, False, True, True])

OTHERS = {
    "numerics.tensor_ops.standard_axis_number": "counts axes; takes no arrays",
    "numerics.tensor_ops.standard_axis_number_strict": "counts axes; takes no arrays",
    "numerics.tensor_ops.negative_axis_number": "counts axes; takes no arrays",
    "numerics.tensor_ops.negative_axis_number_strict": "counts axes; takes no arrays",
    "numerics.tensor_ops.axis_complement": "counts axes; takes no arrays",
    "numerics.tensor_ops.promote_axis": "counts axes; takes no arrays",
    "numerics.tensor_ops.demote_axis": "counts axes; takes no arrays",
    "numerics.tensor_ops.amplitude_apply": "makes a function of complex numbers from one of amplitudes",
    "numerics.tensor_ops.masker": "makes a function that extracts what a mask keeps",
    "numerics.tensor_ops.vmap_over_outer": "makes a function of arrays with leading axes",
}


def rows():
    """What moves entries, on arrays whose leading axis is the batch."""
    x = normal(BATCH, 3, 4)
    seldom = [
        ("apply_mask", each(lambda x: numerics.apply_mask(x, MASK, 1), 2), lambda x: x[..., MASK]),
        ("broadcast_bias", lambda x: numerics.broadcast_bias(x, 1), lambda x: x[..., None]),
        ("fold_axis", lambda x: numerics.fold_axis(x, -1, 2), lambda x: x.reshape(*x.shape[:-1], 2, 2)),
        ("orient_and_conform", each(lambda x: numerics.orient_and_conform(x, (2, 0), dim=3), 2), _oriented),
        ("promote_to_rank", each(lambda x: numerics.promote_to_rank(x, 3), 2), lambda x: x[..., None, :, :]),
        (
            "reshape_to",
            each(lambda x: numerics.reshape_to(x, (2, 6)), 2),
            lambda x: x.reshape(*x.shape[:-2], 2, 6),
        ),
        ("transpose", each(numerics.transpose, 2), lambda x: np.swapaxes(x, -1, -2)),
        (
            "transpose_tf_conv_kernel",
            each(numerics.transpose_tf_conv_kernel, 2),
            lambda x: np.swapaxes(x, -1, -2),
        ),
        ("unfold_axes", lambda x: numerics.unfold_axes(x, (-2, -1)), lambda x: x.reshape(*x.shape[:-2], 12)),
        (
            "broadcast_ignoring",
            each(lambda x: numerics.broadcast_ignoring(x, jnp.ones((2, 1, 1), x.dtype), -1)[0], 2),
            lambda x: np.stack([x, x]),
        ),
        (
            "conform_mask",
            each(lambda x: jnp.where(numerics.conform_mask(x, MASK, 1), x, jnp.zeros_like(x)), 2),
            lambda x: np.where(MASK, x, 0),
        ),
        (
            "tensor_ops.mask_tensor",
            each(lambda x: tensor_ops.mask_tensor(x, MASK, (1,)), 2),
            lambda x: np.where(MASK, x, 0),
        ),
        (
            "tensor_ops.extend_to_size",
            each(lambda x: tensor_ops.extend_to_size(x, (5, 4), 0.0), 2),
            lambda x: np.pad(x, ((0, 2), (0, 0))),
        ),
        (
            "tensor_ops.extend_to_max_size",
            each(
                lambda x: tensor_ops.extend_to_max_size([x, jnp.zeros((4, 5), x.dtype)], 0.0)[0],
                2,
            ),
            lambda x: np.pad(x, ((0, 1), (0, 1))),
        ),
        (
            "tensor_ops.fold_and_promote",
            each(lambda x: tensor_ops.fold_and_promote(x, 1, 2), 2),
            lambda x: np.moveaxis(x.reshape(3, 2, 2), 2, 0),
        ),
        (
            "tensor_ops.demote_and_unfold",
            each(lambda x: tensor_ops.demote_and_unfold(x, 1), 2),
            lambda x: x.T.reshape(12),
        ),
        (
            "tensor_ops.atleast_4d",
            each(tensor_ops.atleast_4d, 2),
            lambda x: x[None, None],
        ),
    ]
    return [
        *(Row(f"numerics.{name}", "", call, oracle, (x,), everyday=False) for name, call, oracle in seldom),
        Row(
            "numerics.complex_decompose",
            "",
            lambda x: numerics.complex_decompose(x + 2)[0],
            lambda x: np.abs(x + 2),
            (x,),
            everyday=False,
        ),
        Row(
            "numerics.complex_recompose",
            "",
            lambda a, p: jnp.real(numerics.complex_recompose(a, p)).astype(a.dtype),
            lambda a, p: a * np.cos(p),
            (x, normal(BATCH, 3, 4, seed=12)),
            everyday=False,
        ),
    ]


def _oriented(x):
    return np.swapaxes(x, -1, -2)[..., :, None, :]
