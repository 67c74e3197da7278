"""Images on regular grids: sampling, resampling, displacement fields, affines, Jacobians, centres of mass."""
