"""CIFTI-2 files: maps of values on the cortex and below it."""

from thrux.cifti.axes import BrainModel as BrainModel
from thrux.cifti.dense import CiftiFile as CiftiFile
from thrux.cifti.dense import is_cifti as is_cifti
from thrux.cifti.dense import read_cifti as read_cifti
from thrux.cifti.dense import write_cifti as write_cifti
