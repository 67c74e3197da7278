"""Small meshes of every kind, and what they are by definition: loops in NumPy float64, nothing of the library."""

import gzip
import importlib.util
from pathlib import Path

import numpy as np
import pytest


def sphere():
    """A subdivided octahedron of uneven radius: closed, 66 vertices, obtuse faces among others."""
    vertices = [
        np.array(v, float) for v in [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
    ]
    upper = [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4)]
    faces = upper + [(b, a, 5) for a, b, _ in upper]
    for _ in range(2):
        number, split = {}, []
        for a, b, c in faces:
            for pair in ((a, b), (b, c), (c, a)):
                if number.setdefault(frozenset(pair), len(vertices)) == len(vertices):
                    vertices.append(vertices[pair[0]] + vertices[pair[1]])
            ab, bc, ca = (number[frozenset(pair)] for pair in ((a, b), (b, c), (c, a)))
            split += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
        faces = split
    unit = np.array([v / np.linalg.norm(v) for v in vertices])
    return unit * np.random.default_rng(0).uniform(0.7, 1.3, (len(unit), 1)), np.array(faces)


def patch():
    """A rectangle of 4 x 5 vertices, bent: it has a border."""
    x, y = np.meshgrid(np.arange(4.0), np.arange(5.0), indexing="ij")
    vertices = np.stack([x, y, 0.3 * x * y - 0.1 * y**2], axis=-1).reshape(-1, 3)
    number = np.arange(20).reshape(4, 5)
    a, b, c, d = (q.ravel() for q in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def strange():
    """An edge of three faces, a face that occurs twice, one without area, one that names a vertex twice, two vertices
    of no face, and a piece apart."""
    vertices = np.random.default_rng(1).normal(size=(12, 3))
    vertices[5] = (vertices[3] + vertices[4]) / 2
    faces = [(0, 1, 2), (1, 0, 3), (0, 1, 4), (2, 3, 1), (2, 3, 1), (3, 5, 4), (4, 4, 6), (8, 9, 10)]
    return vertices, np.array(faces)


def fan(spokes=40):
    """A hub of many neighbours, each of which has three."""
    turn = 2 * np.pi * np.arange(spokes) / spokes
    rim = np.stack([np.cos(turn), np.sin(turn), 0.2 * np.cos(3 * turn)], axis=1)
    i = np.arange(spokes)
    faces = np.stack([np.zeros(spokes, int), 1 + i, 1 + (i + 1) % spokes], axis=1)
    return np.concatenate([[[0, 0, 0.5]], rim]), faces


MESHES = {"sphere": sphere, "patch": patch, "strange": strange, "fan": fan}


def links(n, faces):
    """Which vertices an edge joins, as a bool matrix."""
    joined = np.zeros((n, n), bool)
    for face in faces:
        for a, b in zip(face, np.roll(face, 1)):
            if a != b:
                joined[a, b] = joined[b, a] = True
    return joined


def edge_list(faces):
    """The edges, sorted."""
    pairs = {(min(a, b), max(a, b)) for face in faces for a, b in zip(face, np.roll(face, 1)) if a != b}
    return np.array(sorted(pairs)).reshape(-1, 2)


def entries(adjacency):
    """(row, column, value) of every entry in the order of the slots, sections in turn."""
    found = []
    sections = getattr(adjacency, "sections", None) or [adjacency]
    groups = getattr(adjacency, "row_groups", None) or [np.arange(adjacency.n_rows)]
    for section, rows in zip(sections, groups):
        values, indices = np.asarray(section.values), np.asarray(section.indices)
        for i, row in enumerate(np.asarray(rows)):
            count = section.k_max if section.degree is None else int(section.degree[i])
            found += [(int(row), int(indices[i, p]), values[i, p]) for p in range(count)]
    return found


def dense(adjacency, empty=0.0):
    """The matrix, with `empty` where it has no entry; no entry may stand on another."""
    out = np.full((adjacency.n_rows, adjacency.n_cols), empty, np.float64)
    seen = set()
    for row, column, value in entries(adjacency):
        assert (row, column) not in seen
        seen.add((row, column))
        out[row, column] = value
    return out


def stiffness_and_mass(vertices, faces):
    """Linear finite elements face by face: the gradients of the hat functions, and exact integrals of products."""
    n = len(vertices)
    stiffness, mass = np.zeros((n, n)), np.zeros((n, n))
    for face in faces:
        a, b, c = vertices[face]
        normal = np.cross(b - a, c - a)
        area = np.linalg.norm(normal) / 2
        if area < 1e-15:  # collinear up to rounding
            continue
        normal /= 2 * area
        hats = np.stack([np.cross(normal, edge) / (2 * area) for edge in (c - b, a - c, b - a)])
        stiffness[np.ix_(face, face)] += area * hats @ hats.T
        mass[np.ix_(face, face)] += area / 12 * (1 + np.eye(3))
    return stiffness, mass


def fsaverage5(name="white_left"):
    """Vertices in mm and faces of a real cortex, as nilearn carries it."""
    nibabel = pytest.importorskip("nibabel")
    found = importlib.util.find_spec("nilearn")
    if found is None:
        pytest.skip("nilearn, which carries the surface, is not installed")
    path = Path(found.submodule_search_locations[0]) / "datasets" / "data" / "fsaverage5" / f"{name}.gii.gz"
    image = nibabel.GiftiImage.from_bytes(gzip.decompress(path.read_bytes()))
    vertices, faces = (array.data for array in image.darrays)
    return vertices.astype(np.float32), faces.astype(np.int32)
