"""Values for censored frames, from the frames that were observed."""

from nitrix.signal.interpolate.hybrid import hybrid_interpolate as hybrid_interpolate
from nitrix.signal.interpolate.linear import linear_interpolate as linear_interpolate
from nitrix.signal.interpolate.lomb_scargle import lomb_scargle_interpolate as lomb_scargle_interpolate
from nitrix.signal.interpolate.periodogram import lomb_scargle_periodogram as lomb_scargle_periodogram
