"""Runs every cell of the operation table, and finds public functions and pages that it has left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import nitrix
import numpy as np
import operation_table
import pytest
from operation_rows.row import BATCH
from operation_table import COLUMNS, OTHERS
from support.gradients import QUICK_COMPILE
from test_public_api import FUNCTIONS, PUBLIC_MODULES

ROOT = Path(__file__).resolve().parents[3]
ROWS = {row.name: row for row in operation_table.rows()}
EVERYDAY = [name for name, row in ROWS.items() if row.everyday]
SELDOM = [name for name in ROWS if name not in EVERYDAY]
TOLERANCE = {"float32": 5e-6, "float64": 1e-13, "bfloat16": 8e-3}
STEP = 1e-6


def batch(row, dtype="float32"):
    return tuple(jnp.asarray(x, dtype) for x in row.operands)


def first(operands):
    return tuple(x[0] for x in operands)


def wanted(row):
    """The definition, for each item of the batch."""
    return np.stack([row.oracle(*items) for items in zip(*row.operands, strict=True)])


def assert_close(got, expected, dtype):
    assert got.dtype == (dtype if expected.dtype != bool else bool)
    np.testing.assert_allclose(np.float64(got), np.float64(expected), TOLERANCE[dtype], TOLERANCE[dtype])


def transformed(row):
    """The functions of the columns that one compilation can hold, of the batch."""
    probe = np.random.default_rng(5)
    weight = jnp.asarray(probe.normal(size=wanted(row)[0].shape), "float32")
    directions = tuple(jnp.asarray(probe.normal(size=x.shape[1:]), "float32") for x in row.operands)

    def loss(*operands):
        out = row.call(*operands)
        return jnp.sum(jnp.where(jnp.isfinite(out), weight * out.astype(weight.dtype), 0))

    def slope(*operands):
        gradients = jax.grad(loss, tuple(range(len(operands))))(*operands)
        return sum(jnp.vdot(g, d) for g, d in zip(gradients, directions, strict=True))

    columns = {
        "jit": lambda *operands: row.call(*first(operands)),
        "vmap": jax.vmap(row.call),
        "grad": lambda *operands: slope(*first(operands)),
        "jvp": lambda *operands: jax.jvp(loss, first(operands), directions)[1],
        "bfloat16": lambda *operands: row.call(*(x.astype("bfloat16") for x in first(operands))),
    }

    def finite_difference():
        def at(step):
            moved = (x[0] + step * np.float64(d) for x, d in zip(row.operands, directions, strict=True))
            out = row.oracle(*moved)
            return np.sum(np.where(np.isfinite(out), np.float64(weight) * out, 0))

        return np.asarray((at(STEP) - at(-STEP)) / (2 * STEP))

    return columns, finite_difference


def check(row):
    """Every cell of a row but the sharded one."""
    expected = wanted(row)
    assert_close(row.call(*first(batch(row))), expected[0], "float32")
    columns, finite_difference = transformed(row)
    green = {name: function for name, function in columns.items() if name not in row.refusals}
    together = jax.jit(
        lambda *operands: {name: function(*operands) for name, function in green.items()},
        compiler_options=QUICK_COMPILE,
    )
    got = together(*batch(row))
    for name, value in got.items():
        if name in ("grad", "jvp"):
            np.testing.assert_allclose(value, finite_difference(), 2e-5, 2e-5, err_msg=name)
        else:
            assert_close(value, expected if name == "vmap" else expected[0], wide(name))
    for name in set(columns) - set(green):
        with pytest.raises(row.refusals[name].error, match=row.refusals[name].match):
            columns[name](*batch(row))
    with jax.enable_x64(True):
        function = jax.jit(row.call, compiler_options=QUICK_COMPILE)
        assert_close(function(*first(batch(row, "float64"))), expected[0], "float64")


def wide(column):
    return column if column in TOLERANCE else "float32"


def check_sharded(row):
    """A jitted call on operands whose batch axis lies on several devices."""
    devices = jax.sharding.Mesh(np.array(jax.devices()), ("batch",))
    split = jax.sharding.NamedSharding(devices, jax.sharding.PartitionSpec("batch"))
    function = jax.jit(row.call, compiler_options=QUICK_COMPILE)
    out = function(*(jax.device_put(x, split) for x in batch(row)))
    assert len(out.sharding.device_set) == BATCH
    assert not out.sharding.is_fully_replicated
    assert_close(out, wanted(row), "float32")


def sharded_failures(names):
    """Errors by row, from a process that has as many host devices as the batch has items."""
    environment = os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={BATCH}",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
        ),
    }
    code = "import sys, test_operation_table; test_operation_table.report_sharded(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, *names], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def report_sharded(names):
    assert len(jax.devices()) == BATCH
    failures = {}
    for name in names:
        try:
            check_sharded(ROWS[name])
        except Exception as error:
            failures[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(failures))


@pytest.mark.parametrize("name", [*EVERYDAY, *(pytest.param(n, marks=pytest.mark.slow) for n in SELDOM)])
def test_row(name):
    check(ROWS[name])


@pytest.mark.parametrize(
    "names",
    [
        EVERYDAY[::3],
        *(pytest.param(n, marks=pytest.mark.slow) for n in (EVERYDAY[1::3], EVERYDAY[2::3], SELDOM)),
    ],
    ids=["a third", "another", "the last", "seldom"],
)
def test_sharded(names):
    assert sharded_failures(names) == {}


def test_every_public_function_is_in_the_table():
    assert set(PUBLIC_MODULES) == {"nitrix", *(f"nitrix.{name}" for name in nitrix._SUBPACKAGES)}
    listed = {row.operation for row in ROWS.values()} | set(OTHERS)
    assert {name.removeprefix("nitrix.") for name in FUNCTIONS} == listed


def test_every_refusal_is_of_a_column_and_in_words():
    for row in ROWS.values():
        for column, refusal in row.refusals.items():
            assert column in COLUMNS
            assert len(refusal.why.split()) > 5


def test_the_page_of_the_documentation_is_up_to_date():
    committed = (ROOT / "docs" / "operation-table.md").read_text()
    assert operation_table.without_ratios(committed) == operation_table.without_ratios(operation_table.page())
    assert "operation-table" in (ROOT / "docs" / "index.md").read_text().split()


def test_ratios_come_from_the_benchmarks_of_the_operation_and_algebra():
    cases = [
        {"operation": "semiring.semiring_matmul", "name": "log 512^3", "ratio": 40.0},
        {"operation": "semiring.semiring_matmul", "name": "log 512^3 wide", "ratio": 12.0},
        {"operation": "semiring.semiring_matmul", "name": "real 512^3", "ratio": None},
        {"operation": "semiring.semiring_matmul (gradient)", "name": "log 512^3 gradient", "ratio": 7.0},
        {"operation": "smoothing.gaussian", "name": "128^3, sigma 2", "ratio": 9.0},
    ]
    lines = operation_table.page({"rows": cases}).splitlines()
    ratios = {tuple(line.split(" | ")[:2]): line.split(" | ")[-1] for line in lines if line.startswith("| `")}
    assert ratios["| `semiring.semiring_matmul`", "log"] == "26.00 |"
    assert ratios["| `semiring.semiring_matmul`", "real"] == "- |"
    assert ratios["| `smoothing.gaussian`", ""] == "9.00 |"
