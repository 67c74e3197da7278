"""Peak memory: of a compiled program by XLA's own plan, of a fresh process by the operating system."""

import subprocess
import sys
from typing import NamedTuple

import jax

MIB = 2**20


class Memory(NamedTuple):
    """Bytes that a compiled program needs at its peak."""

    temporaries: int  # beyond arguments and outputs
    arguments: int
    outputs: int

    @property
    def ratio(self):
        """Temporaries over arguments and outputs."""
        return self.temporaries / (self.arguments + self.outputs)


def form(*shape, dtype="float32"):
    """An array's shape and dtype without its values."""
    return jax.ShapeDtypeStruct(shape, dtype)


def compiled_memory(function, *operands):
    """Compile for arrays or their forms, run nothing, and read the memory analysis."""
    analysis = jax.jit(function).lower(*operands).compile().memory_analysis()
    return Memory(analysis.temp_size_in_bytes, analysis.argument_size_in_bytes, analysis.output_size_in_bytes)


# Linux forgets the earlier peak on request, so that what the setup needed for a moment hides nothing.
_PROBE = """
names = {{}}
exec({setup!r}, names)

def status(name):
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))

with open("/proc/self/clear_refs", "w") as control:
    control.write("5")
before = status("VmRSS")
exec({call!r}, names)
print("growth", status("VmHWM") - before)
"""


def peak_rss_growth(setup, call, *, timeout=600):
    """Bytes by which the code `call` raises the resident peak of a fresh process that has run `setup`.

    Counts outputs as well as temporaries. Let `setup` compile, and make and touch the operands. Linux only.
    """
    code = _PROBE.format(setup=setup, call=call)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split("growth")[1])
