"""Time series freed from drifts, from other frequencies and from confounds."""

from thrux.cleaning.confounds import Confounds as Confounds
from thrux.cleaning.confounds import load_confounds as load_confounds
from thrux.cleaning.files import CleanReport as CleanReport
from thrux.cleaning.files import clean_file as clean_file
from thrux.cleaning.scrubbing import load_scrubbed as load_scrubbed
from thrux.cleaning.series import clean_series as clean_series
