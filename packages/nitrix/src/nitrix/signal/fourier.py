"""The spectra and analytic signals of `nitrix.stats` under this name too."""

from nitrix.stats.fourier import Instantaneous as Instantaneous
from nitrix.stats.fourier import analytic_signal as analytic_signal
from nitrix.stats.fourier import env_inst as env_inst
from nitrix.stats.fourier import envelope as envelope
from nitrix.stats.fourier import hilbert_transform as hilbert_transform
from nitrix.stats.fourier import instantaneous_frequency as instantaneous_frequency
from nitrix.stats.fourier import instantaneous_phase as instantaneous_phase
from nitrix.stats.fourier import product_filter as product_filter
from nitrix.stats.fourier import product_filtfilt as product_filtfilt
from nitrix.stats.fourier import unwrap as unwrap
