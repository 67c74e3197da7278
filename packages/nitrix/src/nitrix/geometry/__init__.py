"""Images and surfaces moved through space: sampling, displacement fields, spheres, centres of mass, metric tensors."""
