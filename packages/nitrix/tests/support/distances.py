"""Distances to the background by their definition, every pair of voxels."""

import heapq

import numpy as np


def pairwise(mask, metric, spacing):
    """[*spatial]: the smallest distance over all background voxels, inf where there is none."""
    spacing = np.broadcast_to(np.asarray(spacing, np.float64), mask.ndim)
    places = np.argwhere(np.ones(mask.shape, bool)) * spacing
    background = np.argwhere(~mask) * spacing
    apart = np.abs(places[:, None] - background[None])
    distance = {
        "euclidean": lambda: np.sqrt((apart**2).sum(-1)),
        "city_block": lambda: apart.sum(-1),
        "chebyshev": lambda: apart.max(-1),
    }[metric]()
    return distance.min(axis=1, initial=np.inf).reshape(mask.shape)


def cheapest_ways(mask, costs):
    """[*spatial]: the cheapest way from the background in steps of an array of costs, inf for none."""
    centre = np.array(costs.shape) // 2
    steps = [(place - centre, costs[tuple(place)]) for place in np.argwhere(np.isfinite(costs))]
    best = np.where(mask, np.inf, 0.0)
    queue = [(0.0, tuple(place)) for place in np.argwhere(~mask)]
    while queue:
        cost, place = heapq.heappop(queue)
        if cost > best[place]:
            continue
        for step, more in steps:
            there = tuple(np.array(place) + step)
            inside = all(0 <= p < n for p, n in zip(there, mask.shape))
            if inside and cost + more < best[there]:
                best[there] = cost + more
                heapq.heappush(queue, (cost + more, there))
    return best
