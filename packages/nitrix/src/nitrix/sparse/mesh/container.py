"""The triangle mesh: vertices that may be traced and differentiated, faces that are known."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Integer, Shaped


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh: `faces[f]` are the numbers of three vertices, counter-clockwise as seen from outside.

    A pytree of its two arrays. Faces that are concrete stay so inside `jit`, so that `Mesh(traced_vertices, faces)`
    serves every function here; in a mesh that is itself an argument of `jit` the faces are traced, and what the host
    builds from them must be built before. Nothing else is asked of a mesh: it may be open, in pieces, with vertices
    that no face names, edges of more than two faces, faces that occur twice or have no area; each function says what
    it makes of them. A face no higher than four roundings of its largest coordinate counts as one without area.

    Args:
      vertices: Coordinates in mm. Integers become float32.
      faces: Vertex numbers, from 0.
    Raises:
      ValueError: If a shape is wrong or, where the faces are concrete, a vertex number out of range.
      TypeError: If faces are not integers, or vertices are complex or truth values.
    Example:
      >>> vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
      >>> square = Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
      >>> square.n_vertices, square.n_faces
      (4, 2)
    """

    vertices: Float[Array, "n_vertices 3"]
    faces: Integer[Array, "n_faces 3"]

    def __init__(
        self, vertices: Shaped[ArrayLike, "n_vertices 3"], faces: Shaped[ArrayLike, "n_faces 3"]
    ) -> None:
        _set(self, as_vertices("Mesh", vertices), as_faces("Mesh", faces, vertices))

    @property
    def n_vertices(self) -> int:
        """How many vertices there are, those of no face included."""
        return int(self.vertices.shape[0])

    @property
    def n_faces(self) -> int:
        """How many faces there are."""
        return int(self.faces.shape[0])

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        names = ("vertices", "faces")
        return [(jax.tree_util.GetAttrKey(name), getattr(self, name)) for name in names], None

    @classmethod
    def tree_unflatten(cls, _: Any, arrays: Any) -> "Mesh":
        new = object.__new__(cls)
        _set(new, *arrays)
        return new


def as_vertices(function: str, vertices: Any) -> Array:
    """Coordinates as a floating array [n, 3]."""
    array = jnp.asarray(vertices)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(
            f"{function}: vertices has shape {array.shape}; [n_vertices, 3] is needed, x, y and z in mm of each "
            f"(for a batch of meshes use jax.vmap over the vertices)."
        )
    if jnp.issubdtype(array.dtype, jnp.integer):
        return array.astype(jnp.float32)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{function}: vertices is of dtype {array.dtype}, but real numbers are needed.")
    return array


def as_faces(function: str, faces: Any, vertices: Any) -> Array:
    """Vertex numbers as an int32 array [n, 3], in range and concrete where they can be."""
    if isinstance(faces, jax.core.Tracer):
        array: Any = faces
    else:
        array = np.asarray(faces)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(
            f"{function}: faces has shape {array.shape}; [n_faces, 3] is needed, the three vertices of each."
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(
            f"{function}: faces is of dtype {array.dtype}, but integers are needed, the numbers of vertices from 0."
        )
    if isinstance(array, jax.core.Tracer):
        return array.astype(jnp.int32)
    n = np.shape(vertices)[0] if np.ndim(vertices) else 0
    if array.size and (array.min() < 0 or array.max() >= n):
        wrong = (array < 0) | (array >= n)
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{function}: {int(wrong.sum())} vertex numbers in faces are out of range, the first at {at}: "
            f"{array[at]}; with {n} vertices they must be from 0 to {n - 1}, as in Python."
        )
    with jax.ensure_compile_time_eval():
        return jnp.asarray(array.astype(np.int32))


def _set(mesh: Mesh, vertices: Any, faces: Any) -> None:
    object.__setattr__(mesh, "vertices", vertices)
    object.__setattr__(mesh, "faces", faces)
