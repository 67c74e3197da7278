"""Draws the pictures of the page on meshes: `python docs/pictures/meshes.py` (needs matplotlib, nibabel, nilearn)."""

import gzip
import importlib.util
from pathlib import Path

import jax.numpy as jnp
import matplotlib
import nibabel
import numpy as np
from PIL import Image

matplotlib.use("agg")
import matplotlib.pyplot as plt
from nitrix.sparse import (
    Mesh,
    SectionedELL,
    apply_operator,
    geodesic_distance,
    icosphere,
    mesh_cotangent_laplacian,
    mesh_edge_lengths,
    mesh_k_ring_adjacency,
    mesh_mass_matrix,
)

IMAGES = Path(__file__).resolve().parent.parent / "images"


def surface(name):
    """Vertices and faces of one of the fsaverage5 surfaces that nilearn carries."""
    nilearn = importlib.util.find_spec("nilearn").submodule_search_locations[0]
    path = Path(nilearn) / "datasets" / "data" / "fsaverage5" / f"{name}.gii.gz"
    vertices, faces = nibabel.GiftiImage.from_bytes(gzip.decompress(path.read_bytes())).darrays
    return vertices.data.astype(np.float32), faces.data.astype(np.int32)


def draw(axis, vertices, faces, values, title, colours="viridis", limits=None):
    """A lateral view: faces from far to near, coloured by the mean of their corners and a little light."""
    seen = vertices[:, [1, 2]] * [-1, 1]  # the left hemisphere's side looks along +x
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    towards = np.flatnonzero(normal[:, 0] < 0)
    order = towards[np.argsort(-corners[towards, :, 0].mean(1))]
    low, high = limits or (np.min(values), np.max(values))
    shade = plt.get_cmap(colours)((values[faces].mean(1) - low) / (high - low))[order]
    shade[:, :3] *= (0.45 + 0.55 * -normal[order, 0])[:, None]
    axis.add_collection(
        matplotlib.collections.PolyCollection(seen[faces[order]], facecolors=shade, edgecolors=shade)
    )
    axis.set(xlim=_around(seen[:, 0]), ylim=_around(seen[:, 1]), aspect="equal", title=title)
    axis.axis("off")


def _around(x):
    margin = 0.03 * np.ptp(x)
    return x.min() - margin, x.max() + margin


def geodesics():
    """Distances along the white surface, and the mean curvature that its Laplacian gives."""
    white, faces = surface("white_left")
    inflated, _ = surface("infl_left")
    mesh = Mesh(white, faces)
    lengths = mesh_edge_lengths(mesh, mesh_k_ring_adjacency(mesh))
    source = int(np.argmin(inflated[:, 0]))
    distance = np.asarray(geodesic_distance(lengths, source))
    mass = mesh_mass_matrix(mesh).values
    bent = apply_operator(mesh_cotangent_laplacian(mesh), mesh.vertices) / jnp.maximum(mass, 1e-6)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
    draw(axes[0], white, faces, distance % 20, "distance from a vertex, in rings of 20 mm")
    draw(axes[1], inflated, faces, distance % 20, "the same, drawn on the inflated surface")
    size = np.linalg.norm(np.asarray(bent), axis=1) / 2
    draw(axes[2], inflated, faces, size, "mean curvature, |L v| / 2 M", "magma", (0, 0.6))
    save(figure, "mesh-geodesics.png")


def sections():
    """Slots that a flat and a sectioned adjacency store, on a sphere with one vertex joined to many."""
    sphere = icosphere(3)
    hub = np.arange(0, 400)
    spokes = np.stack([np.zeros(399, int), hub[1:], np.roll(hub, -1)[1:]], axis=1)
    mesh = Mesh(sphere.vertices, np.concatenate([sphere.faces, spokes]))
    flat = mesh_k_ring_adjacency(mesh)
    sectioned = mesh_k_ring_adjacency(mesh, format="sectioned")
    assert isinstance(sectioned, SectionedELL)
    entries = int(np.asarray(flat.degree).sum())
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
    axes[0].fill_between(
        np.arange(mesh.n_vertices), np.sort(np.asarray(flat.degree))[::-1], step="mid", label="entries"
    )
    axes[0].hlines(flat.k_max, 0, mesh.n_vertices, "C3", label="slots of a flat adjacency")
    first = 0
    for section in reversed(sectioned.sections):
        axes[0].hlines(
            section.k_max,
            first,
            first + section.n_rows,
            "C2",
            lw=3,
            label=None if first else "slots of the sections",
        )
        first += section.n_rows
    axes[0].set(yscale="log", xlabel="rows, by number of entries", ylabel="slots of a row")
    axes[0].legend(loc="center right")
    sizes = [entries, sectioned.total_storage, flat.n_rows * flat.k_max]
    bars = axes[1].barh(["entries", "sectioned", "flat"], sizes, color=["C0", "C2", "C3"])
    axes[1].bar_label(bars, [f"{size:,}" for size in sizes], padding=3)
    axes[1].set(xscale="log", xlabel="slots stored", xlim=(1e3, 3e6))
    save(figure, "mesh-sections.png")


def save(figure, name):
    """Write a picture of few colours, which keeps it small."""
    figure.savefig(IMAGES / name, dpi=90)
    plt.close(figure)
    with Image.open(IMAGES / name) as picture:
        few = picture.convert("RGB").quantize(96, dither=Image.Dither.NONE)
    few.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    geodesics()
    sections()
