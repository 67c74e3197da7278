"""Pictures of the left hemisphere of fsaverage5, as nilearn carries it (needs matplotlib, nibabel, nilearn, Pillow)."""

import gzip
import importlib.util
from pathlib import Path

import matplotlib
import nibabel
import numpy as np
from PIL import Image

matplotlib.use("agg")
import matplotlib.pyplot as plt

IMAGES = Path(__file__).resolve().parent.parent / "images"


def read(name):
    """The arrays of one of the GIfTI files."""
    nilearn = importlib.util.find_spec("nilearn").submodule_search_locations[0]
    path = Path(nilearn) / "datasets" / "data" / "fsaverage5" / f"{name}.gii.gz"
    return [array.data for array in nibabel.GiftiImage.from_bytes(gzip.decompress(path.read_bytes())).darrays]


def surface(name):
    """Vertices and faces."""
    vertices, faces = read(name)
    return vertices.astype(np.float32), faces.astype(np.int32)


def draw(axis, vertices, faces, values, title, *, colours="viridis", limits=None, lines=None):
    """A lateral view: faces from far to near in the colours of their corners, white where they cross a line."""
    seen = vertices[:, [1, 2]] * [-1, 1]  # the left hemisphere's side looks along +x
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    towards = np.flatnonzero(normal[:, 0] < 0)
    order = towards[np.argsort(-corners[towards, :, 0].mean(1))]
    low, high = limits or (np.min(values), np.max(values))
    shade = plt.get_cmap(colours)((values[faces].mean(1) - low) / (high - low))[order]
    if lines is not None:
        bands = values[faces] // lines
        shade[(bands != bands[:, :1]).any(1)[order]] = 1
    shade[:, :3] *= (0.55 + 0.45 * -normal[order, 0])[:, None]
    axis.add_collection(
        matplotlib.collections.PolyCollection(seen[faces[order]], facecolors=shade, edgecolors=shade, lw=0.3)
    )
    axis.set(xlim=_around(seen[:, 0]), ylim=_around(seen[:, 1]), aspect="equal")
    axis.set_title(title, fontsize=10)
    axis.axis("off")
    return matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(low, high), colours)


def _around(x):
    margin = 0.03 * np.ptp(x)
    return x.min() - margin, x.max() + margin


def save(figure, name, *, colours=96):
    """Write a picture of few colours, which keeps it small."""
    figure.savefig(IMAGES / name, dpi=90)
    plt.close(figure)
    with Image.open(IMAGES / name) as picture:
        few = picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    few.save(IMAGES / name, optimize=True)
