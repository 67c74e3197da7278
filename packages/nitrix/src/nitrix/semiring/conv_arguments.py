"""What the options of a convolution mean for operands of these shapes; what they cannot mean is refused in words."""

import operator
from collections.abc import Sequence
from typing import Any

from nitrix._arguments import per_axis, whole_number
from nitrix.semiring._plain.conv.window import Window, span

NAME = "semiring_conv"


def window_of(x: tuple[int, ...], k: tuple[int, ...], stride: Any, padding: Any, dilation: Any) -> Window:
    """The window of a call on operands of these shapes."""
    if len(k) < 3:
        raise ValueError(
            f"{NAME}: k has shape {k}, but [*kspatial, c_in, c_out] is needed, with one spatial axis at least; for "
            f"none take semiring_matmul."
        )
    rank = len(k) - 2
    if len(x) < rank + 1:
        raise ValueError(
            f"{NAME}: k {k} has {rank} spatial axes, so x must be [..., *spatial, c_in] with {rank + 1} axes at least, "
            f"but has shape {x}."
        )
    if x[-1] != k[-2]:
        raise ValueError(
            f"{NAME}: x {x} has {x[-1]} channels and k {k} takes {k[-2]}; channels are the last axis of x and the last "
            f"but one of k."
        )
    strides, dilations = (
        tuple(whole_number(name, v, NAME, least=1) for v in per_axis(name, value, rank, NAME))
        for name, value in (("stride", stride), ("dilation", dilation))
    )
    edges = _edges(padding, x[-rank - 1 : -1], k[:rank], strides, dilations)
    return Window(strides, dilations, tuple(low for low, _ in edges), tuple(high for _, high in edges))


def _edges(
    padding: Any, image: Sequence[int], taps: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """(low, high) for each spatial axis."""
    if isinstance(padding, str):
        if padding not in ("SAME", "VALID"):
            raise ValueError(
                f"{NAME}: padding={padding!r} must be 'SAME', 'VALID', or (low, high) for each axis."
            )
        if padding == "VALID":
            return [(0, 0)] * len(image)
        missing = [
            max((-(-n // s) - 1) * s + span(k, d) - n, 0) for n, k, s, d in zip(image, taps, stride, dilation)
        ]
        return [(total // 2, total - total // 2) for total in missing]
    try:
        edges = [tuple(operator.index(edge) for edge in pair) for pair in padding]
    except TypeError:
        edges = []
    if len(edges) != len(image) or any(len(pair) != 2 for pair in edges):
        raise ValueError(
            f"{NAME}: padding={padding!r} must be 'SAME', 'VALID', or a pair (low, high) of integers for each of the "
            f"{len(image)} spatial axes."
        )
    if min(min(pair) for pair in edges) < 0:
        raise ValueError(f"{NAME}: padding={padding!r} must not be negative; slice x to cut it.")
    return [(low, high) for low, high in edges]
