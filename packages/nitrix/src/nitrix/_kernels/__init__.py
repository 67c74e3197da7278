"""Hardware kernels, reached through the dispatcher only; each knows nothing of the public function it serves."""
