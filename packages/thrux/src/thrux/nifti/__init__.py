"""NIfTI-1 and NIfTI-2 files, treated as untrusted input."""

from thrux.nifti.header import NiftiHeader as NiftiHeader
from thrux.nifti.image import load as load
from thrux.nifti.image import save as save
from thrux.nifti.reader import NiftiReader as NiftiReader
from thrux.nifti.writer import NiftiWriter as NiftiWriter
