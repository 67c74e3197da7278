"""The plain JAX path of the products: one file per algebra, each with its gradient rule."""
