"""Matrices that are symmetric, positive definite, structured or kernels; least-squares residuals."""
