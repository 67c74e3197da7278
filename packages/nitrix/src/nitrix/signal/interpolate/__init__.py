"""Values for censored frames, from the frames that were observed."""

from nitrix.signal.interpolate.linear import linear_interpolate as linear_interpolate
