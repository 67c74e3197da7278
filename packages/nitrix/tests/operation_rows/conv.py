"""Rows of `semiring_conv`."""

from nitrix import semiring
from support import conv_cases, oracles

from operation_rows.row import BATCH, NO_DERIVATIVE, NO_FORWARD_MODE, Row, each, normal

OPTIONS = {"stride": (1, 2), "padding": [(1, 0), (0, 1)]}


def rows():
    """Convolutions on grids, over each algebra."""
    return [_convolution(name) for name in oracles.ALGEBRAS]


def _convolution(name):
    def conv(x, k):
        return semiring.semiring_conv(x, k, semiring=oracles.ALGEBRAS[name], **OPTIONS)

    def oracle(x, k):
        if name == "boolean":
            x, k = x.astype(bool), k.astype(bool)
        return conv_cases.conv(name, x, k, **OPTIONS)

    operands = normal(BATCH, 3, 4, 2), normal(BATCH, 2, 2, 2, 2, seed=12)
    refusals = {"jvp": NO_FORWARD_MODE} if name in ("log", "euclidean") else {}
    if name == "boolean":
        operands = tuple((x > 0.3).astype(float) for x in operands)
        refusals = {"grad": NO_DERIVATIVE, "jvp": NO_DERIVATIVE}
    everyday = name in ("real", "tropical_max_plus")
    return Row("semiring.semiring_conv", name, each(conv, 3), oracle, operands, refusals, everyday)
