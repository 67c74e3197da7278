"""Centres of mass, spreads and angles of weighted points, from their definitions in float64."""

import numpy as np


def centre(weight, points, radius=None):
    """Of one region: weights [l], points [l d]."""
    found = sum(w * x for w, x in zip(np.float64(weight), np.float64(points))) / np.sum(weight, dtype=float)
    return found if radius is None else radius * found / np.sqrt(np.sum(found**2))


def centres(weight, points, radius=None):
    """Of each region: weights [r l], points [l d]."""
    return np.stack([centre(w, points, radius) for w in weight])


def angle(x, y):
    """Between two directions in space."""
    x, y = np.float64(x), np.float64(y)
    return np.arctan2(np.linalg.norm(np.cross(x, y)), x @ y)


def spread(weight, points, norm=2, floor=0.0, radius=None):
    """Of one region: the mean over the points of weight times what the distance from the centre exceeds `floor` by."""
    middle = centre(weight, points, radius)
    if radius is None:
        distances = [np.linalg.norm(x - middle, norm) for x in np.float64(points)]
    else:
        distances = [radius * angle(x, middle) for x in points]
    return np.mean([w * max(d - floor, 0.0) for w, d in zip(np.float64(weight), distances)])


def centre_of_image(weight):
    """The mean index along each axis of one image."""
    weight = np.float64(weight)
    return np.array([np.sum(i * weight) / weight.sum() for i in np.indices(weight.shape)])


def latlong(point):
    x, y, z = np.float64(point)
    return np.array([np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)])


def cartesian(latitude_longitude, r=1.0):
    latitude, longitude = np.float64(latitude_longitude)
    return r * np.array(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ]
    )
