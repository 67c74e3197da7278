"""Draws the picture of the page on meshes: `python docs/pictures/meshes.py`."""

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from cortex import draw, save, surface
from nitrix.sparse import (
    Mesh,
    apply_operator,
    geodesic_distance,
    mesh_cotangent_laplacian,
    mesh_edge_lengths,
    mesh_k_ring_adjacency,
    mesh_mass_matrix,
)


def main():
    """Distances along the white surface, and the mean curvature that its Laplacian gives."""
    white, faces = surface("white_left")
    inflated, _ = surface("infl_left")
    mesh = Mesh(white, faces)
    lengths = mesh_edge_lengths(mesh, mesh_k_ring_adjacency(mesh))
    source = int(np.argmin(inflated[:, 0]))
    distance = np.asarray(geodesic_distance(lengths, source))
    mass = mesh_mass_matrix(mesh).values
    bent = apply_operator(mesh_cotangent_laplacian(mesh), mesh.vertices) / jnp.maximum(mass, 1e-6)
    curvature = np.linalg.norm(np.asarray(bent), axis=1) / 2

    figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
    draw(axes[0], white, faces, distance, "distance, a line every 20 mm", lines=20)
    colours = draw(axes[1], inflated, faces, distance, "the same on the inflated surface", lines=20)
    figure.colorbar(colours, ax=axes[:2], label="mm", shrink=0.8, aspect=25)
    limits = (0, round(float(np.percentile(curvature, 98)), 2))
    title = "mean curvature, |L v| / 2M"
    colours = draw(axes[2], inflated, faces, curvature, title, colours="magma", limits=limits)
    figure.colorbar(colours, ax=axes[2], label="1/mm", shrink=0.8, aspect=25, extend="max")
    save(figure, "mesh-geodesics.png")


if __name__ == "__main__":
    main()
