"""Members of the corpus from linear algebra, statistics, signals and numerics: operands, and what definitions give."""

import numpy as np
from support import covariance, kernels, spd, structured

OBS = 24
SECTIONS = np.array([[0.25, 0.5, 0.25, 1.0, -0.5, 0.25], [0.5, -0.5, 0.0, 1.0, 0.25, 0.125]])
TAPS = np.array([0.125, 0.25, 0.375, 0.125])
KEPT = np.arange(OBS) % 5 != 3
Q = (5.0, 50.0, 99.0)
EIGENSYSTEMS = ("symlog", "symsqrt", "tangent", "geometric")


def operands():
    """Arrays that float32 and float64 both hold exactly."""
    rng = np.random.default_rng(31)
    rounded = lambda x: np.float64(np.float32(x))
    band = np.eye(OBS) + 0.375 * (np.eye(OBS, k=1) + np.eye(OBS, k=-1))
    return {
        "x": rounded(rng.normal(size=(4, OBS))),
        "y": rounded(rng.normal(size=(3, OBS))),
        "w": rng.integers(0, 9, OBS) / 8,
        "diagonal": np.diag(rng.integers(1, 9, OBS) / 8),
        "band": band,
        "spd": rounded(spd.matrices(3, 4, condition=5.0, seed=1)),
        "reference": rounded(spd.matrices(4, condition=3.0, seed=2)),
        "g": rng.integers(-8, 9, (4, 4)) / 8,
    }


def arrays():
    """Operands and members, as they are stored."""
    o = operands()
    return {f"operands/{k}": v for k, v in o.items()} | {f"members/{k}": v for k, v in definitions(o).items()}


def definitions(o):
    """Each member by its name."""
    x, y, w, g = o["x"], o["y"], o["w"], o["g"]
    return {
        "cov": covariance.covariance(x),
        "cov, weights": covariance.covariance(x, weights=w),
        # Compiled for a diagonal matrix of weights and then called with another: it must not stay the first's.
        "cov, diagonal weight_matrix": covariance.covariance(x, weight_matrix=o["diagonal"]),
        "cov, weight_matrix": covariance.covariance(x, weight_matrix=o["band"]),
        "cov, weight_matrix, d_x": covariance_gradient(x, o["band"], g),
        "pairedcov": covariance.covariance(x, y),
        "corr": covariance.correlation(x),
        "corr, tiny and huge": covariance.correlation(x),
        "partialcorr": covariance.partial_covariance(x, correlate=True),
        "residual": x - np.linalg.lstsq(y.T, x.T, rcond=None)[0].T @ y,
        "symlog": np.stack([spd.spectral(m, np.log) for m in o["spd"]]),
        "symsqrt": np.stack([spd.spectral(m, np.sqrt) for m in o["spd"]]),
        "symlog at the identity, d_x": (g + g.T) / 2,
        "tangent": np.stack([spd.tangent(m, o["reference"]) for m in o["spd"]]),
        "geometric": spd.geometric(o["spd"]),
        "toeplitz": structured.toeplitz(x[0, :4], y[0, :5]),
        "gaussian_kernel": kernels.gaussian(x, x, sigma=2.0),
        "laplace_kernel": kernels.laplace(x, y),
        "sosfilt": recursion(SECTIONS, x),
        "fir": np.stack([np.convolve(row, TAPS)[:OBS] for row in x]),
        "analytic": analytic(x),
        "interpolated": np.stack([np.interp(np.arange(OBS), np.flatnonzero(KEPT), row[KEPT]) for row in x]),
        "percentile": np.percentile(x, Q, axis=-1),
        "zscore": (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True),
        "intensity": np.clip((x - x.min()) / (np.percentile(x, 99) - x.min()), 0, 1),
    }


def covariance_gradient(x, W, g):
    """Of sum(g C) with C = X A X' / f."""
    total = W.sum()
    A = W - np.outer(W.sum(1), W.sum(0)) / total
    f = np.trace(W) - (W @ W).sum() / total
    return (g + g.T) @ x @ A / f


def recursion(sections, x):
    """Section after section, y_t = b0 x_t + b1 x_(t-1) + b2 x_(t-2) - a1 y_(t-1) - a2 y_(t-2)."""
    for b0, b1, b2, _, a1, a2 in np.longdouble(sections):
        out = np.zeros(x.shape, np.longdouble)
        before = lambda a, t, lag: a[..., t - lag] if t >= lag else 0
        for t in range(x.shape[-1]):
            out[..., t] = b0 * x[..., t] + b1 * before(x, t, 1) + b2 * before(x, t, 2)
            out[..., t] -= a1 * before(out, t, 1) + a2 * before(out, t, 2)
        x = out
    return np.float64(x)


def analytic(x):
    """Real and imaginary part, by the sums of the Fourier transform."""
    n = x.shape[-1]
    t = np.arange(n)
    angle = 8 * np.arctan(np.longdouble(1)) * (np.outer(t, t) % n) / n
    turns = np.cos(angle) - 1j * np.sin(angle)
    gain = np.where(t == 0, 1, np.where(2 * t < n, 2, np.where(2 * t == n, 1, 0)))
    out = (x @ turns * gain) @ turns.conj() / n
    return np.float64([out.real, out.imag])
