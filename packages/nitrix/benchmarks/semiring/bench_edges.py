"""Messages over the one-ring of icospheres of level 6 and 7, 64 features, as in graph networks.

GCN-like: sums of weighted neighbours after a dense layer. DGCNN-like (edge convolution): maxima of a layer on
(x_i, x_j - x_i), once as any function of an edge and once described by its weights. The rival keeps a list of edges:
torch_geometric where it is installed, else JAX's own gather and segment reductions. Gradients of the cheap messages
gather through transposed slots; those of the layer on every edge scatter, as making them twice would cost more.
"""

import functools
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case
from nitrix.semiring import TROPICAL_MAX_PLUS, EdgeMLP, semiring_ell_edge_aggregate
from nitrix.sparse import ell_with_transpose, ell_without_transpose, icosphere, mesh_k_ring_adjacency

FEATURES = 64
TORCH = importlib.util.find_spec("torch_geometric") is not None
RIVAL = "torch_geometric" if TORCH else "edge list and scatter (JAX)"


@functools.cache
def _graph(level):
    return ell_with_transpose(mesh_k_ring_adjacency(icosphere(level), k=1, include_self=True))


@functools.cache
def _bare(level):
    return ell_without_transpose(_graph(level))


@functools.cache
def _edge_list(level):
    graph = _graph(level)
    row, slot = np.nonzero(np.asarray(graph.valid))
    return jnp.asarray(row.astype(np.int32)), jnp.asarray(np.asarray(graph.indices)[row, slot])


@functools.cache
def _operands(level):
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape).astype(np.float32))
    return draw(_graph(level).n_cols, FEATURES), draw(2, FEATURES, FEATURES) / 8, draw(FEATURES)


def _gcn(x, weights, bias, graph):
    y = x @ weights[0] + bias
    return semiring_ell_edge_aggregate(lambda x_i, x_j, value, ij: value * x_j, graph, y)


def _dgcnn(x, weights, bias, graph):
    layer = lambda x_i, x_j, value, ij: jax.nn.relu(x_i @ weights[0] + (x_j - x_i) @ weights[1] + bias)
    return semiring_ell_edge_aggregate(layer, graph, x, semiring=TROPICAL_MAX_PLUS)


def _dgcnn_described(x, weights, bias, graph):
    layer = EdgeMLP(weights[0] - weights[1], weights[1], bias)
    return semiring_ell_edge_aggregate(layer, graph, x, semiring=TROPICAL_MAX_PLUS)


def _gcn_edges(x, weights, bias, row, column):
    return jax.ops.segment_sum((x @ weights[0] + bias)[column], row, len(x))


def _dgcnn_edges(x, weights, bias, row, column):
    both = jnp.concatenate([x[row], x[column] - x[row]], 1)
    return jax.ops.segment_max(jax.nn.relu(both @ jnp.concatenate(weights) + bias), row, len(x))


@functools.cache
def _compiled(function, gradient):
    if not gradient:
        return jax.jit(function)

    def both(x, weights, bias, *graph):
        out, pull = jax.vjp(lambda *operands: function(*operands, *graph), x, weights, bias)
        return out, pull(out)

    return jax.jit(both)


def _torch_rival(kind, level, gradient):
    import torch
    from torch_geometric.nn import MessagePassing

    class Gcn(MessagePassing):
        def forward(self, x, edges):
            return self.propagate(edges, x=x)

        def message(self, x_j):
            return x_j

    class EdgeConvolution(Gcn):
        def message(self, x_i, x_j):
            return torch.relu(torch.cat([x_i, x_j - x_i], 1) @ self.weights + self.bias)

    row, column = (torch.from_numpy(np.array(e)).long() for e in _edge_list(level))
    x, weights, bias = (torch.from_numpy(np.array(o)).requires_grad_(gradient) for o in _operands(level))
    edges = torch.stack([column, row])

    def run():
        if kind == "GCN":
            out = Gcn(aggr="add")(x @ weights[0] + bias, edges)
        else:
            layer = EdgeConvolution(aggr="max")
            layer.weights, layer.bias = weights.reshape(-1, FEATURES), bias
            out = layer(x, edges)
        return torch.autograd.grad(out, (x, weights, bias), out.detach()) if gradient else out

    return run


@functools.cache
def _rival(kind, level, gradient):
    if TORCH:
        return _torch_rival(kind, level, gradient)
    function = _compiled({"GCN": _gcn_edges, "DGCNN": _dgcnn_edges}[kind], gradient)
    return lambda: function(*_operands(level), *_edge_list(level))


def _case(kind, ours, level, gradient, note=""):
    graph = _bare if ours is _dgcnn else _graph
    return Case(
        name=f"{kind}{note} ico_{level} x {FEATURES}" + (", value and gradient" if gradient else ""),
        operation="semiring.semiring_ell_edge_aggregate" + (" (gradient)" if gradient else ""),
        ours=lambda: _compiled(ours, gradient)(*_operands(level), graph(level)),
        rival=lambda: _rival(kind, level, gradient)(),
        rival_name=RIVAL,
    )


CASES = [
    case
    for level in (6, 7)
    for gradient in (False, True)
    for case in (
        _case("GCN", _gcn, level, gradient),
        _case("DGCNN", _dgcnn, level, gradient),
        _case("DGCNN", _dgcnn_described, level, gradient, " by weights"),
    )
]
