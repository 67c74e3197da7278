"""Rules that every public function of nitrix keeps, and what importing nitrix brings in."""

import ast
import importlib
import inspect
import subprocess
import sys
import textwrap
import types

import nitrix
import pytest

PUBLIC_MODULES = [
    "nitrix",
    "nitrix.backend",
    "nitrix.geometry",
    "nitrix.graph",
    "nitrix.linalg",
    "nitrix.morphology",
    "nitrix.numerics",
    "nitrix.semiring",
    "nitrix.signal",
    "nitrix.smoothing",
    "nitrix.sparse",
    "nitrix.stats",
]
ARRAYS = {"Array", "NDArray", "ndarray", "ArrayLike"}


def public_functions(modules=PUBLIC_MODULES):
    """Every function that public modules export, with its full name."""
    found = {}
    for module_name in modules:
        module = importlib.import_module(module_name)
        names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
        for name in names:
            value = getattr(module, name)
            home = getattr(value, "__module__", None) or ""
            if isinstance(value, types.FunctionType) and home.split(".")[0] == "nitrix":
                found[f"{module_name}.{name}"] = value
    return found


FUNCTIONS = public_functions() | {
    name: function
    for name, function in public_functions(["nitrix.numerics.tensor_ops"]).items()
    if not hasattr(nitrix.numerics, function.__name__)
}
# The dispatcher is for operations inside nitrix: its example would be a whole operation.
WITHOUT_EXAMPLE = {"nitrix.backend.choose", "nitrix.backend.current_platform"}
KERNELS = [
    *("linear_kernel", "linear_distance", "polynomial_kernel", "sigmoid_kernel"),
    *("rbf_kernel", "gaussian_kernel", "laplace_kernel", "cosine_kernel"),
]
# Operands, not options, though a call may leave them out: the specified names have them by position.
OPTIONAL_OPERANDS = {
    **{name: {"X1"} for name in KERNELS},
    **{name: {"offset"} for name in ("sym2vec", "vec2sym", "diag_embed")},
    **{name: {"r"} for name in ("toeplitz", "toeplitz_2d")},
    "expand_outer": {"R", "C"},
    **{name: {"Y"} for name in ("spherical_geodesic", "spherical_geodesic_distance")},
    "coaffiliation": {"C_other"},
    "orient_and_conform": {"reference", "dim"},
    "mask_tensor": {"fill_value"},
    "masker": {"output_axis"},
    "demote_and_unfold": {"axes"},
    "extend_to_size": {"fill"},
    "extend_to_max_size": {"fill"},
    "vmap_over_outer": {"align_outer"},
    "ell_add_self_loops": {"edge_attr"},
    "ell_from_edges": {"values"},
    "sectioned_ell_from_edges": {"values"},
}


def unannotated(function):
    """Names of the parameters without annotation, and "return"."""
    signature = inspect.signature(function)
    missing = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
    return missing + (["return"] if signature.return_annotation is signature.empty else [])


def bare_unions(function):
    """Annotations that join bare array types, which say nothing of shape or dtype."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    arguments = definition.args
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    annotations = [argument.annotation for argument in every if argument is not None] + [definition.returns]
    return [ast.unparse(a) for a in annotations if a is not None and len(_bare_members(a)) >= 2]


def _bare_members(annotation):
    """The array types that stand bare among the members of a union."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _bare_members(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.BinOp):
        return _bare_members(annotation.left) | _bare_members(annotation.right)
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).split(".")[-1] in (
        "Union",
        "Optional",
    ):
        members = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        return set().union(*map(_bare_members, members))
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).split(".")[-1] != "NDArray":
        return set()
    name = ast.unparse(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
    return {name} if name.split(".")[-1] in ARRAYS else set()


def undisciplined_options(function):
    """Options (parameters with a default) that are not keyword-only or not in the docstring's list."""
    operands = OPTIONAL_OPERANDS.get(function.__name__, set())
    options = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.default is not p.empty and p.name not in operands
    ]
    documented = inspect.getdoc(function) or ""
    # One leading option is the whole of a function such as resolve_backend("jax").
    if len(inspect.signature(function).parameters) == 1:
        return [p.name for p in options if f"{p.name}:" not in documented]
    return [p.name for p in options if p.kind is not p.KEYWORD_ONLY or f"{p.name}:" not in documented]


def test_the_operations_are_found():
    assert {"nitrix.smoothing.gaussian", "nitrix.show_versions", "nitrix.backend.resolve_backend"} <= set(
        FUNCTIONS
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_is_annotated(name):
    assert unannotated(FUNCTIONS[name]) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_bare_array_unions(name):
    assert bare_unions(FUNCTIONS[name]) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_options_are_keyword_only_and_documented(name):
    assert undisciplined_options(FUNCTIONS[name]) == []


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - WITHOUT_EXAMPLE))
def test_every_function_shows_an_example(name):
    assert ">>> " in (FUNCTIONS[name].__doc__ or "")


def test_the_rules_refuse_what_breaks_them():
    def bad(x: "Array | NDArray", y, size=3) -> "Union[Array, np.ndarray]":
        """No words on the option."""

    def good(x: "Float[ArrayLike, 'n']", *, size: int = 3) -> "Float[Array, 'n'] | None":
        """size: how many."""

    assert unannotated(bad) == ["y", "size"]
    assert bare_unions(bad) == ["'Array | NDArray'", "'Union[Array, np.ndarray]'"]
    assert undisciplined_options(bad) == ["size"]
    assert unannotated(good) == bare_unions(good) == undisciplined_options(good) == []


@pytest.mark.parametrize("name", nitrix._SUBPACKAGES)
def test_subpackages_are_reached_from_the_root(name):
    assert getattr(nitrix, name) is importlib.import_module(f"nitrix.{name}")
    assert name in dir(nitrix)


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(
        AttributeError,
        match="no attribute 'smooth'; it holds backend, geometry, .* sparse, stats",
    ):
        _ = nitrix.smooth


def test_show_versions_says_what_a_bug_report_needs(capsys):
    nitrix.show_versions()
    said = capsys.readouterr().out
    for name in (
        "nitrix: ",
        "Python: ",
        "JAX: ",
        "jaxlib: ",
        "NumPy: ",
        "devices: ",
        "x64: off",
        "backend: ",
    ):
        assert name in said


@pytest.mark.fast
def test_importing_everything_brings_in_jax_jaxtyping_and_numpy_only():
    code = """
        import sys
        import jax, jax.numpy, jax.custom_derivatives, jaxtyping, numpy
        before = {name.split(".")[0] for name in sys.modules}
        import nitrix
        assert not {f"nitrix.{name}" for name in nitrix._SUBPACKAGES} - {"nitrix.backend"} & set(sys.modules)
        for name in nitrix._SUBPACKAGES:
            getattr(nitrix, name)
        after = {name.split(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
        print(sorted(after - before))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['nitrix']"
