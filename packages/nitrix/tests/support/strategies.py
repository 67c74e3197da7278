"""Operands for hypothesis: few fixed shapes, so few compilations; small integers, so that float32 is exact."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SIDE = 4  # of the square matrices
ROWS, SLOTS, COLUMNS, WIDTH = 5, 3, 4, 2  # of an ELL matrix, and of what it is multiplied with

INTEGERS = st.integers(-8, 8).map(float)
EXTENDED = st.one_of(INTEGERS, INTEGERS, st.sampled_from([-np.inf, np.inf]))


def entries(algebra):
    """Numbers that an algebra is about, its infinities among them."""
    if algebra == "boolean":
        return st.booleans()
    return INTEGERS if algebra in ("real", "euclidean") else EXTENDED


def matrices(algebra, shape=(SIDE, SIDE)):
    """Arrays of such numbers."""
    dtype = np.bool_ if algebra == "boolean" else np.float32
    # Without a fill every entry is drawn by itself.
    return hnp.arrays(dtype, shape, elements=entries(algebra), fill=st.nothing())


def permutations(size=SIDE):
    """Orders of `size` things."""
    return st.permutations(range(size)).map(np.array)


@st.composite
def ell_matrices(draw, algebra="real"):
    """(values, indices, degree) of a sparse matrix; what lies past a row's degree is arbitrary."""
    values = draw(matrices(algebra, (ROWS, SLOTS)))
    indices = draw(hnp.arrays(np.int32, (ROWS, SLOTS), elements=st.integers(0, COLUMNS - 1)))
    degree = draw(hnp.arrays(np.int32, (ROWS,), elements=st.integers(0, SLOTS)))
    return values, indices, degree
