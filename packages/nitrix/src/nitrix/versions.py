"""What a bug report needs to say about the machine and the installed versions."""

import importlib.metadata
import platform

import jax
import numpy as np

from nitrix.backend import current_platform, resolve_backend


def show_versions() -> None:
    """Print the versions of Python, JAX and NumPy, the devices, the precision and the resolved backend.

    Returns:
      Nothing; the lines go to standard output, to be pasted into a bug report.
    Raises:
      NitrixBackendError: If the environment variable NITRIX_BACKEND is not the name of a backend.
    Example:
      >>> import nitrix
      >>> nitrix.show_versions()  # doctest: +ELLIPSIS
      nitrix: ...
      Python: ...
      JAX: ...
    """
    capability = current_platform().compute_capability
    suffix = f" (compute capability {capability[0]}.{capability[1]})" if capability else ""
    devices = ", ".join(f"{device.device_kind} [{device.platform}:{device.id}]" for device in jax.devices())
    lines = {
        "nitrix": importlib.metadata.version("nitrix"),
        "Python": f"{platform.python_version()} on {platform.platform()}",
        "JAX": jax.__version__,
        "jaxlib": importlib.metadata.version("jaxlib"),
        "NumPy": np.__version__,
        "devices": devices + suffix,
        "x64": "on" if jax.config.jax_enable_x64 else "off",  # type: ignore[attr-defined]
        "backend": resolve_backend(),
    }
    for name, value in lines.items():
        print(f"{name}: {value}")
