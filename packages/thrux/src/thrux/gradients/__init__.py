"""Gradients of connectivity: the axes along which it changes over the cortex or from region to region."""

from thrux.gradients.embedding import Gradients as Gradients
from thrux.gradients.embedding import gradients as gradients
from thrux.gradients.files import GradientsReport as GradientsReport
from thrux.gradients.files import gradients_file as gradients_file
