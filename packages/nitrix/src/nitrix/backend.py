"""The one dispatcher: which implementation serves a call, and a loud word where it is not the wished one.

A backend is wished for by the `backend=` keyword, then by the environment variable `NITRIX_BACKEND`, then by the
platform. An operation lists its implementations, each with the reasons for which it may refuse a call. The decision
is made from static facts (platform, JAX version, shapes, dtypes, algebra) before anything runs; nothing is tried and
caught.

`NITRIX_SILENCE_FALLBACK=1` silences `NitrixBackendFallback`; `NITRIX_STRICT_BACKEND=1` makes it an error.
"""

import importlib
import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from types import FrameType, ModuleType
from typing import Any, Literal, NamedTuple, get_args

import jax

Backend = Literal["auto", "pallas-cuda", "pallas-tpu", "jax"]
ResolvedBackend = Literal["pallas-cuda", "pallas-tpu", "jax"]

__all__ = [
    "Backend",
    "Implementation",
    "NitrixBackendError",
    "NitrixBackendFallback",
    "Platform",
    "ResolvedBackend",
    "choose",
    "current_platform",
    "resolve_backend",
]


class NitrixBackendFallback(UserWarning):
    """The resolved backend cannot serve a call and the next one does: right numbers, perhaps slowly."""


class NitrixBackendError(RuntimeError):
    """A backend name in the environment is unknown, or strict mode forbids a fallback."""


class Platform(NamedTuple):
    """What a computation started now would run on."""

    name: str  # "cpu", "cuda", "tpu", "rocm", ...
    compute_capability: tuple[int, int] | None  # of an NVIDIA GPU


class Implementation(NamedTuple):
    """One way to compute an operation."""

    backend: ResolvedBackend
    where: str  # its module, imported when it is first chosen
    refuses: Callable[
        ..., str | None
    ]  # of the operands: None if they can be served, else the reason in words

    def load(self) -> ModuleType:
        """The module that holds it."""
        return importlib.import_module(self.where)


def current_platform() -> Platform:
    """The platform that JAX would use now: the default device if one is set, else the default backend."""
    device = jax.config.jax_default_device or jax.devices()[0]  # type: ignore[attr-defined]
    if isinstance(device, str):
        device = jax.devices(device)[0]
    if device.platform != "gpu":
        return Platform(device.platform, None)
    capability = str(getattr(device, "compute_capability", ""))
    major, dot, minor = capability.partition(".")
    if not dot or not (major + minor).isdigit():
        return Platform("rocm", None)  # AMD devices report names such as gfx90a
    return Platform("cuda", (int(major), int(minor)))


def resolve_backend(backend: Backend = "auto") -> ResolvedBackend:
    """Name the backend that is wished for: keyword, then `NITRIX_BACKEND`, then the platform.

    Args:
      backend: "auto", or the name of a backend, which is then returned as it is.
    Returns:
      "pallas-cuda" on an NVIDIA GPU, "pallas-tpu" on a TPU, else "jax", unless keyword or environment say otherwise.
    Raises:
      ValueError: If `backend` is not one of the names.
      NitrixBackendError: If `NITRIX_BACKEND` is not one of the names.
    Example:
      >>> resolve_backend("jax")
      'jax'
    """
    names = get_args(Backend)
    if backend not in names:
        raise ValueError(f"backend={backend!r} is not known; give one of {', '.join(map(repr, names))}.")
    if backend == "auto":
        backend = os.environ.get("NITRIX_BACKEND", "").strip().lower() or "auto"  # type: ignore[assignment]
        if backend not in names:
            raise NitrixBackendError(
                f"the environment variable NITRIX_BACKEND is {backend!r}, which is not a backend; "
                f"set it to one of {', '.join(names)}, or unset it."
            )
    if backend == "auto":
        return {"cuda": "pallas-cuda", "tpu": "pallas-tpu"}.get(current_platform().name, "jax")  # type: ignore
    return backend


def choose(
    implementations: Sequence[Implementation],
    backend: Backend,
    *operands: Any,
    function: str,
    arrays: Sequence[jax.Array],
) -> Implementation:
    """The implementation that serves this call: the resolved backend's, else the plain one with one warning.

    Args:
      implementations: In order of preference; the last one, backend "jax", serves every call.
      backend: As the caller of the operation gave it.
      *operands: What each `refuses` is asked about.
      function: Name of the public function, for the warning.
      arrays: The array operands, whose shapes and dtypes the warning names.
    """
    plain = implementations[-1]
    wanted = resolve_backend(backend)
    kernels = [i for i in implementations if i.backend != "jax"]
    if wanted == "jax" or (not kernels and backend == "auto"):
        return plain
    candidate = next((i for i in kernels if i.backend == wanted), None)
    if candidate is None:
        reason: str | None = f"{function} has no {wanted} kernel"
    else:
        reason = _platform_refuses(wanted, arrays) or candidate.refuses(*operands)
        if reason is None:
            return candidate
    _report_fallback(function, wanted, reason or "", arrays)
    return plain


def _platform_refuses(backend: ResolvedBackend, arrays: Sequence[jax.Array]) -> str | None:
    """Why no kernel of `backend` can run here, or None."""
    needed = {"pallas-cuda": "cuda", "pallas-tpu": "tpu"}[backend]
    platform = current_platform()
    if platform.name != needed:
        return f"it needs the platform {needed} and this is {platform.name}"
    module = {"cuda": "jax.experimental.pallas.triton", "tpu": "jax.experimental.pallas.tpu"}[needed]
    if not _available(module):
        return f"JAX {jax.__version__} does not have {module}"
    capability = platform.compute_capability
    if capability is not None and capability < (8, 0):
        return (
            f"Pallas on Triton needs compute capability 8.0 and this GPU has {capability[0]}.{capability[1]}"
        )
    for array in arrays:
        if not isinstance(array, jax.core.Tracer):
            elsewhere = {d.platform for d in array.devices()} - {jax.devices()[0].platform}
            if elsewhere:
                return f"an operand lives on {', '.join(sorted(elsewhere))}"
    return None


@cache
def _available(module: str) -> bool:
    """Whether this JAX has the module, without importing it."""
    return importlib.util.find_spec(module) is not None


_reported: set[tuple[Any, ...]] = set()
_lock = threading.Lock()


def _report_fallback(function: str, backend: str, reason: str, arrays: Sequence[jax.Array]) -> None:
    """Warn once per (function, shapes, dtypes, backend) in a process, or raise in strict mode."""
    shapes = " and ".join(str(tuple(a.shape)) for a in arrays)
    dtypes = " and ".join(dict.fromkeys(str(a.dtype) for a in arrays))
    message = (
        f"{function} on shapes {shapes}, {dtypes}: backend {backend!r} cannot serve this call, since {reason}; "
        f"the plain JAX path serves it."
    )
    if os.environ.get("NITRIX_STRICT_BACKEND", "") == "1":
        raise NitrixBackendError(f"{message} NITRIX_STRICT_BACKEND=1 makes that an error.")
    if os.environ.get("NITRIX_SILENCE_FALLBACK", "") == "1":
        return
    key = (function, shapes, dtypes, backend)
    with _lock:
        if key in _reported:
            return
        _reported.add(key)
    level, depth = 1, 1
    frame: FrameType | None = sys._getframe()
    while frame is not None:  # point at the line that called nitrix
        if frame.f_globals.get("__name__", "").startswith("nitrix."):
            level = depth + 1
        frame, depth = frame.f_back, depth + 1
    warnings.warn(
        f"{message} NITRIX_SILENCE_FALLBACK=1 silences this.", NitrixBackendFallback, stacklevel=level
    )
