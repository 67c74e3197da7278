"""Hardware kernels, reached through the dispatcher only; none knows the public function that it serves."""
