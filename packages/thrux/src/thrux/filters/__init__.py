"""Ways to smooth a volume, as values: which method, how wide, and what decides who is a neighbour."""

from thrux.filters.bilateral import Bilateral as Bilateral
from thrux.filters.gaussian import Gaussian as Gaussian
from thrux.filters.permutohedral import Permutohedral as Permutohedral
from thrux.filters.scene import Filter as Filter
from thrux.filters.scene import Scene as Scene
from thrux.filters.susan import Susan as Susan
