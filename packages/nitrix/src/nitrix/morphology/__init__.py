"""Under this name too: `susan_emulator` of `nitrix.smoothing`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nitrix.smoothing import susan_emulator as susan_emulator


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: smoothing stands on morphology, not the other way round.
    if name == "susan_emulator":
        from nitrix.smoothing import susan_emulator

        return susan_emulator
    raise AttributeError(f"module 'nitrix.morphology' has no attribute {name!r}; it holds susan_emulator.")


def __dir__() -> list[str]:
    return sorted([*globals(), "susan_emulator"])
