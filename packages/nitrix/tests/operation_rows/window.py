"""Row of the random windows of `nitrix.signal`."""

import jax
import numpy as np
from nitrix.signal import sample_windows

from operation_rows.row import BATCH, Row, normal

CUT = {"window_size": 3, "num_windows": 2}


def rows():
    """Windows that one key places in every series."""
    return [
        Row(
            "signal.sample_windows",
            "",
            lambda x: sample_windows(x, **CUT, multiplying_axis=-1, key=jax.random.key(4)),
            lambda x: np.concatenate([x[s : s + 3] for s in _starts()]),
            (normal(BATCH, 9),),
        )
    ]


def _starts():
    """Where the key places them: a ramp tells."""
    ramp = np.arange(9, dtype=np.float32)
    return np.asarray(sample_windows(ramp, **CUT, create_new_axis=True, key=jax.random.key(4)))[:, 0].astype(
        int
    )
