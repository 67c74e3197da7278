"""Where points lie in the permutohedral lattice of d dimensions, as plain arithmetic on separate coordinates.

A point is a vector e of d + 1 elevated coordinates that sum to zero, in units of d + 1: here the vertices of the
lattice have the coordinates q_i + k / (d + 1) with integers q_i and one remainder k from 0 to d for all i, so
that the sum of q is -k. A point's simplex has one vertex of every remainder; all follow from the vertex of
remainder 0 and the ranks of the differences e - q, of which the largest has rank 0.
"""

from functools import reduce
from operator import add
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

FARTHEST = 1 << 14  # sheared coordinates below this are exact in float32, halves included
LARGEST_RANK = 15  # ranks are packed in four bits
_RANKS_PER_WORD = 8


class Simplex(NamedTuple):
    """The simplex around each point: its vertex of remainder 0, the point relative to it, and the ranks."""

    corner: list[Array]  # q_0 ... q_d, integers held in the points' dtype
    offset: list[Array]  # e - q
    rank: list[Array]


def elevation(d: int) -> NDArray[np.float64]:
    """The matrix that takes features, in standard deviations of the filter, to e_1 ... e_d; e_0 is minus their sum.

    Its rows with e_0 are orthogonal to (1, ..., 1); its columns have the length sqrt(2/3), for which splat, blur
    and slice together spread a point by one standard deviation (Adams et al., section 3.1).
    """
    matrix = np.zeros((d, d))
    for k in range(d):
        length = np.sqrt(2 / 3) / np.sqrt((k + 1) * (k + 2))
        matrix[:k, k] = length  # rows 1 ... k
        matrix[k, k] = -(k + 1) * length
    return matrix


def with_first(elevated: Array) -> list[Array]:
    """All coordinates of points given by e_1 ... e_d."""
    rest = [elevated[i] for i in range(elevated.shape[0])]
    return [-reduce(add, rest), *rest]


def rank_words(elevated: Array) -> Array:
    """The ranks of every point's coordinates 1 ... d, packed into integers [words, n]."""
    e = with_first(elevated)
    d = len(e) - 1
    nearest = [jnp.round(x) for x in e]
    offset = [x - q for x, q in zip(e, nearest, strict=True)]
    excess = reduce(add, nearest).astype(np.int32)  # how far the sum of the nearest integers is from zero
    rank = [excess] * (d + 1)
    for i in range(d + 1):
        for j in range(i + 1, d + 1):
            smaller = (offset[i] < offset[j]).astype(np.int32)
            rank[i], rank[j] = rank[i] + smaller, rank[j] + 1 - smaller
    wrapped = [r + (d + 1) * ((r < 0).astype(np.int32) - (r > d).astype(np.int32)) for r in rank]
    words = []
    for first in range(1, d + 1, _RANKS_PER_WORD):
        group = wrapped[first : first + _RANKS_PER_WORD]
        words.append(reduce(jnp.bitwise_or, [(r & 15) << (4 * p) for p, r in enumerate(group)]))
    return jnp.stack(words)


def simplex(elevated: Array, words: Array) -> Simplex:
    """The simplex of every point from its coordinates and packed ranks."""
    e = with_first(elevated)
    d = len(e) - 1
    ranks = [(words[i // _RANKS_PER_WORD] >> (4 * (i % _RANKS_PER_WORD))) & 15 for i in range(d)]
    ranks = [d * (d + 1) // 2 - reduce(add, ranks), *ranks]
    nearest = [jnp.round(x) for x in e]
    excess = reduce(add, nearest).astype(np.int32)
    # The coordinates whose rank went round when the excess was taken off are one farther or nearer.
    turns = [(r >= d + 1 + excess).astype(np.int32) - (r < excess).astype(np.int32) for r in ranks]
    corner = [q + turn.astype(q.dtype) for q, turn in zip(nearest, turns, strict=True)]
    return Simplex(corner, [x - q for x, q in zip(e, corner, strict=True)], ranks)


def weights(at: Simplex) -> list[Array]:
    """The barycentric weights of the vertices of remainder 0 ... d."""
    d = len(at.rank) - 1
    return [weight(at, k) for k in range(d + 1)]


def weight(at: Simplex, k: int) -> Array:
    """The barycentric weight of the vertex of remainder k: the gap between the offsets of neighbouring ranks."""
    d = len(at.rank) - 1
    upper = d - k
    lower = d + 1 - k if k else 0
    terms = []
    for offset, rank in zip(at.offset, at.rank, strict=True):
        sign = (rank == upper).astype(offset.dtype) - (rank == lower).astype(offset.dtype)
        terms.append(sign * offset)
    total = reduce(add, terms)
    return total if k else total + 1


def vertex(at: Simplex, k: int) -> list[Array]:
    """q_1 ... q_d of the vertex of remainder k."""
    d = len(at.rank) - 1
    return [q - (rank > d - k).astype(q.dtype) for q, rank in zip(at.corner[1:], at.rank[1:], strict=True)]


def sheared(q: list[Array]) -> list[Array]:
    """q_1 ... q_d moved so that each spans little more than what its own feature spans.

    The coordinate e_i is -i times its own feature plus the sum of all later ones, which the later coordinates
    give back nearly: what is taken off is a function of them, so nothing is lost.
    """
    d = len(q)
    out: list[Any] = [None] * d
    shift: Any = 0
    for i in range(d, 0, -1):
        out[i - 1] = q[i - 1] + shift
        if i > 1:
            shift = shift + _floor_divided(out[i - 1], i)
    return out


def unsheared(t: list[Array]) -> list[Array]:
    """The inverse of `sheared`."""
    d = len(t)
    out: list[Any] = [None] * d
    shift: Any = 0
    for i in range(d, 0, -1):
        out[i - 1] = t[i - 1] - shift
        if i > 1:
            shift = shift + _floor_divided(t[i - 1], i)
    return out


def _floor_divided(t: Array, i: int) -> Array:
    """Floor of t / i for integers held as floats below `FARTHEST`: half a unit more than t is never near an integer."""
    return jnp.floor((t + 0.5) * (1 / i))
