"""What functions on files check alike in their options."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

from thrux.errors import ThruxError

NanPolicy = Literal["refuse", "zero", "ignore"]
NanOrZero = Literal["refuse", "zero"]


def check_millimetres(name: str, value: float | int) -> None:
    """Refuse what is no width."""
    if not (math.isfinite(value) and value > 0):
        raise ThruxError(
            "it must be a positive number of mm", field=name, value=value, remedy="Give for instance 6"
        )


def check_choice(name: str, value: str, choices: Any) -> None:
    """Refuse a word that is none of a Literal's."""
    known = get_args(choices)
    if value not in known:
        raise ThruxError(
            "it is not known", field=name, value=value, remedy=f"Choose one of {', '.join(known)}"
        )
