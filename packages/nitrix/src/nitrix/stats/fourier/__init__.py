"""Filters by the spectrum, and what a series does at each sample: envelope, phase, frequency."""

# The analytic signal.
from nitrix.stats.fourier.analytic import analytic_signal as analytic_signal
from nitrix.stats.fourier.analytic import envelope as envelope
from nitrix.stats.fourier.analytic import hilbert_transform as hilbert_transform

# Its phase.
from nitrix.stats.fourier.phase import Instantaneous as Instantaneous
from nitrix.stats.fourier.phase import env_inst as env_inst
from nitrix.stats.fourier.phase import instantaneous_frequency as instantaneous_frequency
from nitrix.stats.fourier.phase import instantaneous_phase as instantaneous_phase
from nitrix.stats.fourier.phase import unwrap as unwrap

# Filters.
from nitrix.stats.fourier.product import product_filter as product_filter
from nitrix.stats.fourier.product import product_filtfilt as product_filtfilt
