"""Another name of `nitrix.sparse.ell.sectioned`."""

from nitrix.sparse.ell.sectioned import SectionedELL as SectionedELL
