"""Communities: null models, modularity matrices and the modularity of soft and hard partitions."""

from nitrix.graph.community.coaffiliation import coaffiliation as coaffiliation
from nitrix.graph.community.modularity_matrix import girvan_newman_null as girvan_newman_null
from nitrix.graph.community.modularity_matrix import modularity_matrix as modularity_matrix
from nitrix.graph.community.modularity_matrix import modularity_matrix_matvec as modularity_matrix_matvec
from nitrix.graph.community.relaxed_modularity import relaxed_modularity as relaxed_modularity
