"""Draws the picture of the page on surfaces: `python docs/pictures/surfaces.py`."""

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from cortex import draw, read, save, surface
from nitrix.smoothing import surface_gaussian
from nitrix.sparse import Mesh, mesh_cotangent_laplacian, vertex_areas


def main():
    """Cortical thickness as it comes, and smoothed along the white surface; without the medial wall."""
    white, faces = surface("white_left")
    inflated, _ = surface("infl_left")
    thickness = read("thick_left")[0].astype(np.float32)
    cortex = Mesh(white, faces[(thickness > 0)[faces].all(axis=1)])
    stiffness, mass = mesh_cotangent_laplacian(cortex), vertex_areas(cortex)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
    for axis, fwhm in zip(axes, (0, 5, 15), strict=True):
        smooth = surface_gaussian(jnp.asarray(thickness)[:, None], stiffness, mass, fwhm=fwhm)[:, 0]
        title = f"smoothed, FWHM {fwhm} mm" if fwhm else "cortical thickness"
        colours = draw(axis, inflated, faces, np.asarray(smooth), title, limits=(1.5, 3.5))
    figure.colorbar(colours, ax=axes, label="mm", shrink=0.8, aspect=25, extend="both")
    save(figure, "surface-smoothing.png")


if __name__ == "__main__":
    main()
