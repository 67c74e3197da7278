"""Graphs, dense, sparse or as products alone: Laplacians, communities, gradients of connectivity."""
