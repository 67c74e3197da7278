"""The ELL container: a sparse matrix as rows of k_max slots, each with a value and the column it stands in."""

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Union

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Integer, Shaped

if TYPE_CHECKING:
    from nitrix.sparse.ell.sectioned import SectionedELL


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, eq=False)
class ELL:
    """A sparse matrix of m rows: `values[i, p]` stands in row i, column `indices[i, p]`, for the slots `p < degree[i]`.

    A pytree of its arrays. A slot past its row's degree is a pad and never contributes, in any algebra, whatever it
    holds. Several entries in one place are terms of their own. Leading axes are a batch of matrices; those of
    `values`, `indices` and `degree` broadcast. What the constructor saw of indices and degree, such as the least
    degree, is part of the pytree's structure: to stack matrices, stack their arrays and construct.

    Args:
      values: Entries, of any dtype.
      indices: Column of each slot, from 0 to n_cols - 1, pads included.
      n_cols: Columns of the matrix.
      identity: What pads hold, a Python scalar, for those who look at `values`; None: nothing is said of it.
      degree: Slots of each row that count, from 0 to k_max. Default: all.
      transposed: The slots by column, as `ell_with_transpose` makes it, for gradients that gather and do not scatter.
    Raises:
      ValueError: If shapes do not fit or, outside `jit`, an index or a degree is out of range.
      TypeError: If indices or degree are not integers.
    Example:
      >>> values, indices = jnp.asarray([[1.0, 0.0], [2.0, 3.0]]), jnp.asarray([[1, 0], [0, 1]])
      >>> path = ELL(values, indices, 2, degree=jnp.asarray([1, 2]))
      >>> path.shape, path.k_max
      ((2, 2), 2)
    """

    values: Shaped[Array, "*#batch m k_max"]
    indices: Integer[Array, "*#batch m k_max"]
    n_cols: int
    identity: Any = None
    _: KW_ONLY
    degree: Integer[Array, "*#batch m"] | None = None
    transposed: Union["ELL", "SectionedELL", None] = None
    # Whether the indices and the degree were seen to be in range, so that products need no second look under `jit`.
    checked: bool = field(default=False, init=False, repr=False)
    # Slots that are known to count in every row, which need no mask.
    full: int = field(default=0, init=False, repr=False)

    def __init__(
        self,
        values: Shaped[ArrayLike, "*#batch m k_max"],
        indices: Integer[ArrayLike, "*#batch m k_max"],
        n_cols: int,
        identity: Any = None,
        *,
        degree: Integer[ArrayLike, "*#batch m"] | None = None,
        transposed: Union["ELL", "SectionedELL", None] = None,
    ) -> None:
        _set(
            self,
            values=jnp.asarray(values),
            indices=jnp.asarray(indices),
            n_cols=int(n_cols),
            identity=identity,
            degree=None if degree is None else jnp.asarray(degree),
            transposed=transposed,
        )
        _check(self)
        structure = [x for x in (self.indices, self.degree) if x is not None]
        checked = not any(isinstance(x, jax.core.Tracer) for x in structure)
        _set(self, checked=checked, full=_least_degree(self) if checked else 0)

    @property
    def n_rows(self) -> int:
        """Rows of the matrix."""
        return int(self.indices.shape[-2])

    @property
    def k_max(self) -> int:
        """Slots of each row."""
        return int(self.indices.shape[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch axes, then (n_rows, n_cols)."""
        batch = jnp.broadcast_shapes(self.values.shape[:-2], self.indices.shape[:-2])
        return (*batch, self.n_rows, self.n_cols)

    @property
    def dtype(self) -> np.dtype:
        """Of the values."""
        return np.dtype(self.values.dtype)

    @property
    def valid(self) -> Shaped[Array, "*batch m k_max"]:
        """Bool: the slots that count."""
        if self.degree is None:
            return jnp.ones(self.indices.shape, bool)
        return jnp.arange(self.k_max) < self.degree[..., None].astype(int)

    def replace(self, **fields: Any) -> "ELL":
        """The same matrix with some fields replaced, unchecked: for what keeps the indices as they are."""
        new = object.__new__(type(self))
        if fields.keys() & {"indices", "degree"}:
            fields = {"full": 0, **fields}
        _set(new, **{**{name: getattr(self, name) for name in _FIELDS}, **fields})
        return new

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        children = [(jax.tree_util.GetAttrKey(name), getattr(self, name)) for name in _ARRAYS]
        return children, tuple(getattr(self, name) for name in _STATIC)

    @classmethod
    def tree_unflatten(cls, static: Any, arrays: Any) -> "ELL":
        new = object.__new__(cls)
        _set(new, **dict(zip(_STATIC, static)), **dict(zip(_ARRAYS, arrays)))
        return new


_ARRAYS = ("values", "indices", "degree", "transposed")
_STATIC = ("n_cols", "identity", "checked", "full")
_FIELDS = (*_ARRAYS, *_STATIC)


def _set(ell: ELL, **fields: Any) -> None:
    for name, value in fields.items():
        object.__setattr__(ell, name, value)


def _least_degree(ell: ELL) -> int:
    if ell.degree is None or not ell.degree.size:
        return ell.k_max
    return int(np.asarray(ell.degree).min())


def _check(ell: ELL) -> None:
    values, indices, degree = ell.values, ell.indices, ell.degree
    for name, array in (("values", values), ("indices", indices)):
        if array.ndim < 2:
            raise ValueError(f"ELL: {name} has shape {array.shape}; [m, k_max] is needed, rows by slots.")
    if values.shape[-2:] != indices.shape[-2:]:
        raise ValueError(
            f"ELL: values {values.shape} and indices {indices.shape} differ in their last two axes, [m, k_max]; every "
            f"value needs its column."
        )
    for name, given in (("indices", indices), ("degree", degree)):
        if given is not None and not jnp.issubdtype(given.dtype, jnp.integer):
            raise TypeError(f"ELL: {name} is of dtype {given.dtype}, but integers are needed.")
    if ell.n_cols < 0:
        raise ValueError(f"ELL: n_cols is {ell.n_cols}; give the number of columns, 0 or more.")
    if degree is not None and degree.shape[-1:] != indices.shape[-2:-1]:
        raise ValueError(
            f"ELL: degree has shape {degree.shape}, but one number for each of the {ell.n_rows} rows is needed."
        )
    leading = [values.shape[:-2], indices.shape[:-2], () if degree is None else degree.shape[:-1]]
    try:
        jnp.broadcast_shapes(*leading)
    except ValueError:
        raise ValueError(
            f"ELL: the leading axes of values {values.shape}, indices {indices.shape} and degree do not broadcast."
        ) from None
    if degree is not None and degree.size and not isinstance(degree, jax.core.Tracer):
        host = np.asarray(degree)
        if host.min() < 0 or host.max() > ell.k_max:
            raise ValueError(
                f"ELL: degree ranges from {host.min()} to {host.max()}, but rows have 0 to {ell.k_max} slots."
            )
    if indices.size and not isinstance(indices, jax.core.Tracer):
        host = np.asarray(indices)
        if host.min() < 0 or host.max() >= ell.n_cols:
            wrong = (host < 0) | (host >= ell.n_cols)
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                f"ELL: {int(wrong.sum())} indices are out of range, the first at {at}: {host[at]}; they must be from 0 "
                f"to {ell.n_cols - 1} (n_cols is {ell.n_cols}), in pads too."
            )
