"""Reads the arguments of host-side constructors: arrays in NumPy, columns in range, pads that fit their dtype."""

import operator
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from nitrix.sparse.ell._entries import on_host


def numbers(function: str, what: str, given: Any) -> NDArray[Any]:
    """An array of numbers or truth values, in a dtype that JAX has."""
    array = on_host(function, what, given)
    if array.dtype.kind in "OUSMm":
        raise TypeError(f"{function}: {what} is of dtype {array.dtype}; give an array of numbers.")
    with np.errstate(over="ignore"):
        return array.astype(jax.dtypes.canonicalize_dtype(array.dtype), copy=False)


def integers(function: str, what: str, given: Any) -> NDArray[np.int64]:
    """An array of integers."""
    array = on_host(function, what, given)
    if array.size == 0 and not hasattr(given, "dtype"):
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{function}: {what} is of dtype {array.dtype}, but integers are needed.")
    return array.astype(np.int64)


def count(function: str, what: str, given: Any) -> int:
    """A number of things, 0 or more."""
    try:
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"{function}: {what} is {given!r}, but an integer is needed.") from None
    if number < 0:
        raise ValueError(f"{function}: {what} is {number}; give 0 or more.")
    return number


def check_columns(
    function: str, what: str, columns: NDArray[np.int64], n: int, because: str = "n_cols is"
) -> None:
    """Refuse what is no column (or no row) of the matrix."""
    wrong = (columns < 0) | (columns >= n)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{function}: {int(wrong.sum())} of {what} are out of range, the first {columns[at]}; they must be from 0 "
            f"to {n - 1} ({because} {n})."
        )


def check_identity(function: str, value: Any, dtype: Any, *, what: str = "identity") -> None:
    """Refuse a scalar that an array of this dtype cannot hold."""
    if value is None or dtype.kind not in "iub" or _held(value, dtype):
        return
    raise ValueError(
        f"{function}: {what} is {value!r}, which values of dtype {dtype} cannot hold; convert the values, or give "
        f"another {what}."
    )


def _held(value: Any, dtype: Any) -> bool:
    if not np.isfinite(value):
        return False
    try:
        return bool(np.asarray(value).astype(dtype) == value)
    except (OverflowError, ValueError):
        return False
