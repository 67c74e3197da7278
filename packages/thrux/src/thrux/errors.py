"""The one exception of this package."""

from __future__ import annotations

from os import PathLike


class ThruxError(Exception):
    """A file or a request that thrux refuses, with what is wrong and what to do.

    Attributes:
      problem: What is wrong, in words.
      file: The file concerned, "" if none.
      field: The header field, element or option concerned.
      value: What was found there.
      remedy: What the user can do.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | PathLike[str] = "",
        field: str = "",
        value: object = "",
        remedy: str = "",
    ) -> None:
        self.problem = problem
        self.file = str(file)
        self.field = field
        self.value = _short(value)
        self.remedy = remedy
        where = f"{self.file}: " if self.file else ""
        what = f"{field} is {self.value}: " if field and self.value else f"{field}: " if field else ""
        super().__init__(f"{where}{what}{problem}." + (f" {remedy}." if remedy else ""))

    def as_dict(self) -> dict[str, str]:
        """The parts of the message, for `--json`."""
        return {name: getattr(self, name) for name in ("problem", "file", "field", "value", "remedy")}


def _short(value: object) -> str:
    """One printable line: what a file says of itself may be long or hold control characters."""
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    return text if len(text) <= 120 else text[:117] + "..."
