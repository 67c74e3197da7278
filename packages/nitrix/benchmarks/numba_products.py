"""Rivals of the semiring products: what a careful user writes with numba, parallel over rows."""

import math

import numba
import numpy as np


@numba.njit(parallel=True, fastmath=True)
def max_plus(A, B):
    out = np.full((A.shape[0], B.shape[1]), -np.inf, A.dtype)
    for i in numba.prange(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                out[i, j] = max(out[i, j], A[i, k] + B[k, j])
    return out


@numba.njit(parallel=True, fastmath=True)
def min_plus(A, B):
    out = np.full((A.shape[0], B.shape[1]), np.inf, A.dtype)
    for i in numba.prange(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                out[i, j] = min(out[i, j], A[i, k] + B[k, j])
    return out


@numba.njit(parallel=True, fastmath=True)
def log_sum_exp(A, B):
    """Two passes: the largest term, then the sum below it."""
    out = np.empty((A.shape[0], B.shape[1]), A.dtype)
    for i in numba.prange(A.shape[0]):
        peak = np.full(B.shape[1], -np.inf, A.dtype)
        total = np.zeros(B.shape[1], A.dtype)
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                peak[j] = max(peak[j], A[i, k] + B[k, j])
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                total[j] += math.exp(A[i, k] + B[k, j] - peak[j])
        for j in range(B.shape[1]):
            out[i, j] = peak[j] + math.log(total[j])
    return out


@numba.njit(parallel=True, fastmath=True)
def log_sum_exp_value_and_gradient(A, B):
    """The value, and the gradients of its sum: row by row for A, column of A by column of A for B, without races."""
    out = log_sum_exp(A, B)
    dA, dB = np.zeros_like(A), np.zeros_like(B)
    for i in numba.prange(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                dA[i, k] += math.exp(A[i, k] + B[k, j] - out[i, j])
    for k in numba.prange(A.shape[1]):
        for i in range(A.shape[0]):
            for j in range(B.shape[1]):
                dB[k, j] += math.exp(A[i, k] + B[k, j] - out[i, j])
    return out, dA, dB


@numba.njit(parallel=True, fastmath=True)
def ell_max_plus(values, indices, B):
    out = np.full((values.shape[0], B.shape[1]), -np.inf, B.dtype)
    for i in numba.prange(values.shape[0]):
        for p in range(values.shape[1]):
            for c in range(B.shape[1]):
                out[i, c] = max(out[i, c], values[i, p] + B[indices[i, p], c])
    return out


@numba.njit(parallel=True, fastmath=True)
def ell_log_sum_exp(values, indices, B):
    peak = ell_max_plus(values, indices, B)
    total = np.zeros_like(peak)
    for i in numba.prange(values.shape[0]):
        for p in range(values.shape[1]):
            for c in range(B.shape[1]):
                total[i, c] += math.exp(values[i, p] + B[indices[i, p], c] - peak[i, c])
    return peak + np.log(total)


@numba.njit(parallel=True, fastmath=True)
def conv_max_plus(x, k):
    """[*3, c_in], [*3, c_in, c_out] with the padding 'SAME': one line of the image after the other, tap by tap."""
    (n, m, length, channels), out_channels, taps = x.shape, k.shape[4], k.shape[0]
    out, reach = np.full((n, m, length, out_channels), -np.inf, x.dtype), k.shape[0] // 2
    for line in numba.prange(n * m):
        i, j = line // m, line % m
        for p in range(max(reach - i, 0), min(taps, n + reach - i)):
            for q in range(max(reach - j, 0), min(taps, m + reach - j)):
                for r in range(taps):
                    for c in range(channels):
                        for z in range(max(0, reach - r), min(length, length + reach - r)):
                            value = x[i + p - reach, j + q - reach, z + r - reach, c]
                            for o in range(out_channels):
                                out[i, j, z, o] = max(out[i, j, z, o], value + k[p, q, r, c, o])
    return out
