"""Rows of `nitrix.linalg`'s kernels."""

import numpy as np
from nitrix import linalg
from support import kernels

from operation_rows.row import BATCH, Row, normal

OTHERS = {
    "linalg.laplace_init": "makes an array from a shape and a key; takes no arrays",
    "linalg.toeplitz_init": "makes an array of a shape from `toeplitz`",
}


def rows():
    """Each of a batch of observations, with a metric of its own; Laplace keeps away from its kinks."""
    x, y = normal(BATCH, 4, 3), normal(BATCH, 5, 3, seed=12)
    weights = np.abs(normal(BATCH, 1, 3, seed=13)) + 0.25
    kernel = lambda name: lambda x, y, theta: getattr(linalg, name)(x, y, theta=theta)
    named = {
        "linear_kernel": kernels.linear,
        "linear_distance": kernels.distance,
        "polynomial_kernel": kernels.polynomial,
        "sigmoid_kernel": kernels.sigmoid,
        "rbf_kernel": kernels.rbf,
        "gaussian_kernel": kernels.gaussian,
        "laplace_kernel": kernels.laplace,
        "cosine_kernel": kernels.cosine,
    }
    everyday = ("rbf_kernel", "laplace_kernel")
    return [
        *(
            Row(f"linalg.{name}", "", kernel(name), oracle, (x, y, weights), everyday=name in everyday)
            for name, oracle in named.items()
        ),
        Row(
            "linalg.parameterised_norm",
            "",
            lambda x, theta: linalg.parameterised_norm(x, theta=theta),
            kernels.normalised,
            (x, weights),
            everyday=False,
        ),
    ]
