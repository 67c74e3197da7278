"""Areas and normals of meshes by definition: loops in NumPy float64, nothing of the library."""

import numpy as np


def crossed(vertices, face):
    a, b, c = vertices[face]
    return np.cross(b - a, c - a)


def unit(x):
    size = np.linalg.norm(x)
    return x / size if size > 1e-15 else 0 * x


def mixed_areas(vertices, faces):
    """Meyer et al.: the circumcentre's cell if no angle is obtuse, else a half and two quarters."""
    out = np.zeros(len(vertices))
    for face in faces:
        area = np.linalg.norm(crossed(vertices, face)) / 2
        if area < 1e-15:
            continue
        for i in range(3):
            at, left, right = face[i], face[(i + 1) % 3], face[(i + 2) % 3]
            corners = vertices[[at, left, right]]
            angles = [_angle(corners[j], corners[(j + 1) % 3], corners[(j + 2) % 3]) for j in range(3)]
            if max(angles) > np.pi / 2:
                out[at] += area / 2 if angles[0] > np.pi / 2 else area / 4
            else:
                squares = np.sum((corners[1:] - corners[0]) ** 2, axis=1)
                out[at] += (squares[0] / np.tan(angles[2]) + squares[1] / np.tan(angles[1])) / 8
    return out


def _angle(at, left, right):
    return np.arccos(np.clip(unit(left - at) @ unit(right - at), -1, 1))
