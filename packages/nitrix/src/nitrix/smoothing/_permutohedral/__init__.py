"""The permutohedral lattice: where points lie in it, which of its vertices they touch, and the filter on them."""
