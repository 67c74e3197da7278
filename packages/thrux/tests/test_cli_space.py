"""`thrux resample` and `thrux warp`: help, exit codes, words and JSON."""

import json

import nibabel
import numpy as np
import pytest
from nibabel.affines import from_matvec
from thrux.cli import app as cli
from typer.testing import CliRunner

pytestmark = pytest.mark.fast


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(cli.app, [str(word) for word in words])


@pytest.fixture
def image(nifti):
    values = np.arange(4 * 4 * 4, dtype="i2").reshape(4, 4, 4)
    return nifti(values, affine=np.diag([2.0, 2, 2, 1]), name="in.nii.gz")


@pytest.fixture
def matrix(tmp_path):
    np.savetxt(tmp_path / "world.txt", from_matvec(np.eye(3), [4, 0, 0]))
    return tmp_path / "world.txt"


@pytest.mark.parametrize("name", ["resample", "warp"])
def test_help_shows_examples_and_exit_codes(run, name):
    result = run(name, "--help")
    assert result.exit_code == 0
    for text in [
        f"thrux {name} ",
        "--method",
        "--fill",
        "--nan",
        "--force",
        "--json",
        "Exit codes: 0 done; 1",
    ]:
        assert text in result.stdout
    assert f"thrux {name} " in run("--help").stdout


def test_what_was_done_is_said(run, image, matrix, tmp_path):
    out = tmp_path / "out.nii"
    result = run("resample", image, out, "--spacing", "4,4,2")
    assert result.exit_code == 0, result.output
    assert (
        f"Wrote {out}: 2 x 2 x 4, voxels of 4 x 4 x 2 mm, from 4 x 4 x 4 of 2 x 2 x 2 mm, linear; float32."
        in result.stdout
    )
    result = run("warp", image, out, "--affine", matrix, "--force", "--method", "nearest", "--fill", -1)
    assert result.exit_code == 0, result.output
    assert (
        f"Wrote {out}: 4 x 4 x 4, voxels of 2 x 2 x 2 mm, on the grid of {image}, nearest; 32 voxels come from outside "
        "of IN and are -1; int16."
    ) in result.stdout
    np.testing.assert_array_equal(nibabel.load(out).get_fdata()[:2], nibabel.load(image).get_fdata()[2:])


def test_json_is_one_object(run, image, matrix, tmp_path):
    out = tmp_path / "out.nii"
    assert json.loads(
        run("resample", image, out, "--like", image, "--method", "labels", "--json").stdout
    ) == {
        "status": "ok",
        "input": str(image),
        "output": str(out),
        "like": str(image),
        "method": "labels",
        "fill": 0,
        "shape_before": [4, 4, 4],
        "spacing_before_mm": [2, 2, 2],
        "shape": [4, 4, 4],
        "spacing_mm": [2, 2, 2],
        "outside": 0,
        "dtype": "int16",
        "not_finite": 0,
    }
    np.testing.assert_array_equal(nibabel.load(out).get_fdata(), nibabel.load(image).get_fdata())
    found = json.loads(run("warp", image, out, "--affine", matrix, "--force", "--json").stdout)
    assert {name: found[name] for name in ("grid", "outside", "folds", "largest_displacement_mm")} == {
        "grid": str(image),
        "outside": 32,
        "folds": None,
        "largest_displacement_mm": None,
    }
    refused = run("resample", image, out, "--spacing", 1, "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"]["field"] == "output"


def test_notes_go_to_standard_error(run, nifti, tmp_path):
    values = np.ones((4, 4, 4), "f4")
    values[0, 0, 0] = np.nan
    twisted = -3 * np.moveaxis(np.indices((4, 4, 4)), 0, -1).astype("f4")
    field = nifti(twisted, name="twisted.nii")
    result = run("warp", nifti(values), tmp_path / "out.nii", "--field", field, "--nan", "zero")
    assert result.exit_code == 0, result.output
    assert "1 voxels were NaN or infinite and taken as 0" in result.stderr
    assert "the field turns space inside out at" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["resample"], "give either --like GRID or --spacing MM"),
        (["resample", "--spacing", "2", "--like", "x.nii"], "give either --like GRID or --spacing MM"),
        (["resample", "--spacing", "2,2"], "2,2 is not one positive number of mm, nor three"),
        (["resample", "--spacing", "-1"], "-1 is not one positive number of mm"),
        (["resample", "--spacing", "1", "--method", "sharp"], "'sharp' is not one of"),
        (["warp"], "give --affine MATRIX or --field WARP"),
        (["warp", "--field", "x.nii", "--invert-affine"], "it is about --affine"),
        (["warp", "--affine", "x.txt", "--velocity"], "it is about --field"),
    ],
)
def test_a_wrong_command_line_is_exit_2(run, image, tmp_path, words, message):
    result = run(words[0], image, tmp_path / "out.nii", *words[1:])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
