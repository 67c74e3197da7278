"""Convolutions of time series from their definition, in NumPy float64."""

import numpy as np


def tsconv(x, weight, before=None, after=None):
    """out[o, t] = sum over c and j of weight[o, c, j] x[c, t + j - before]; as many frames as before if not said."""
    x, weight = np.asarray(x, np.float64), np.asarray(weight, np.float64)
    taps = weight.shape[-1]
    before, after = ((taps - 1) // 2, taps // 2) if before is None else (before, after)
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(before, after)])
    length = padded.shape[-1] - taps + 1
    return sum(np.einsum("oc,...ct->...ot", weight[..., j], padded[..., j : j + length]) for j in range(taps))


def tsconv2d(x, weight, bias=None):
    """Series [k c obs], kernels [c_out k row time]."""
    if weight.shape[2] == 1:
        found = np.stack([tsconv(x[:, variable], weight[:, :, 0]) for variable in range(x.shape[1])], axis=-2)
    else:
        found = tsconv(x.reshape(-1, x.shape[-1]), weight.reshape(weight.shape[0], -1, weight.shape[-1]))
        found = found[:, None]
    return found if bias is None else found + np.asarray(bias, np.float64)[:, None, None]
