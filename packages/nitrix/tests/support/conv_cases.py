"""The convolution from its definition, in NumPy float64: explicit loops over outputs and taps."""

import numpy as np
from golden import definitions

from support import oracles


def placed(image, taps, stride=1, padding="SAME", dilation=1):
    """For each spatial axis (size of the output, stride, dilation, low)."""
    each = lambda v: (v,) * len(image) if isinstance(v, int) else v
    axes = []
    for axis, (n, k, s, d) in enumerate(zip(image, taps, each(stride), each(dilation), strict=True)):
        reach = (k - 1) * d + 1
        low, high = (0, 0) if isinstance(padding, str) else padding[axis]
        if padding == "SAME":
            total = max((-(-n // s) - 1) * s + reach - n, 0)
            low, high = total // 2, total - total // 2
        axes.append((max((n + low + high - reach) // s + 1, 0), s, d, low))
    return axes


def conv(name, x, k, **options):
    """out[o, j] = (+)_(p, c) x[o stride + p dilation - low, c] (*) k[p, c, j] over the taps within the image."""
    return conv_by(*oracles.DEFINITIONS[name], x, k, **options)


def entries(image, taps, c_in, **options):
    """For each output its terms: (position in the flat image with channels, in the flat kernel [taps * c_in])."""
    return definitions.grid_entries(image, taps, c_in, placed(image, taps, **options))


def conv_and_cotangents(name, x, k, g, **options):
    """The convolution of one image, and the cotangents of x and k for that of the result."""
    x, k = oracles.wide(x), oracles.wide(k)
    *taps, c_in, c_out = k.shape
    terms = entries(x.shape[:-1], tuple(taps), c_in, **options)
    out, dx, dk = definitions.contract(name, x, k.reshape(-1, c_out), terms, np.float64(g).reshape(-1, c_out))
    return out.reshape(g.shape), dx.reshape(x.shape), dk.reshape(k.shape)


def conv_by(times, plus, x, k, **options):
    """The same with (*) and (+) given."""
    x, k = oracles.wide(x), oracles.wide(k)
    taps, (c_in, c_out) = k.shape[:-2], k.shape[-2:]
    image = x.shape[x.ndim - len(taps) - 1 : -1]
    terms_of, kernel = entries(image, taps, c_in, **options), k.reshape(-1, c_out)
    out = []
    for one in x.reshape(-1, int(np.prod(image)) * c_in):
        for terms in terms_of:
            a, b = np.array(terms, int).reshape(-1, 2).T
            out.append(plus(times(one[a][:, None], kernel[b]), 0))
    sizes = (axis[0] for axis in placed(image, taps, **options))
    return np.array(out).reshape(*x.shape[: x.ndim - len(taps) - 1], *sizes, c_out)
