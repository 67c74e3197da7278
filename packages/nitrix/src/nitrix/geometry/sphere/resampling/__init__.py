"""Operators that carry fields and labels from one sphere to another."""

from nitrix.geometry.sphere.resampling.adaptive import sphere_adaptive as sphere_adaptive
from nitrix.geometry.sphere.resampling.barycentric import sphere_barycentric as sphere_barycentric
from nitrix.geometry.sphere.resampling.labels import resample_labels as resample_labels
