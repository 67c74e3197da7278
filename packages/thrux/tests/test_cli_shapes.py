"""`thrux morph`, `thrux distance` and `thrux median`: help, exit codes, words and JSON."""

import json

import nibabel
import numpy as np
import pytest
from thrux.cli import app as cli
from typer.testing import CliRunner

pytestmark = pytest.mark.fast


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(cli.app, [str(word) for word in words])


@pytest.fixture
def mask(nifti):
    values = np.zeros((9, 8, 7), "u1")
    values[2:7, 2:6, 2:5] = 1
    return nifti(values, affine=np.diag([1.0, 1.0, 1.5, 1.0]), name="mask.nii.gz")


WORDS = {
    "erode": ["morph", "erode", "--radius", 1],
    "dilate": ["morph", "dilate", "--radius", 1.5, "--shape", "box"],
    "open": ["morph", "open", "--radius", 1, "--shape", "cross"],
    "close": ["morph", "close", "--radius", 1.5],
    "fill-holes": ["morph", "fill-holes"],
    "distance": ["distance"],
    "median": ["median", "--radius", 1.5],
}


@pytest.mark.parametrize("name", WORDS)
def test_help_shows_examples_and_exit_codes(run, name):
    words = WORDS[name][: 2 if WORDS[name][0] == "morph" else 1]
    result = run(*words, "--help")
    assert result.exit_code == 0
    for text in [
        f"thrux {' '.join(words)} ",
        "--nan",
        "--force",
        "--json",
        "--max-memory",
        "Exit codes: 0 done; 1",
    ]:
        assert text in result.stdout


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("erode", "eroded by a ball of 1 mm (5 voxels, 3 x 3 x 1); 42 voxels changed; uint8."),
        ("dilate", "dilated by a box of 1.5 mm (27 voxels, 3 x 3 x 3); 150 voxels changed; uint8."),
        ("open", "opened by a cross of 1 mm (5 voxels, 3 x 3 x 1)"),
        ("close", "closed by a ball of 1.5 mm (11 voxels, 3 x 3 x 3); 0 voxels changed; uint8."),
        ("fill-holes", "holes filled; 0 voxels changed; uint8."),
        ("distance", "60 voxels inside, euclidean distance up to 2 mm, float32."),
        ("median", "median over a ball of 1.5 mm (11 voxels, 3 x 3 x 3)"),
    ],
)
def test_what_was_done_is_said(run, mask, tmp_path, name, sentence):
    out = tmp_path / "out.nii"
    result = run(*WORDS[name], mask, out)
    assert result.exit_code == 0, result.output
    assert f"Wrote {out}: 9 x 8 x 7, voxels of 1 x 1 x 1.5 mm, " in result.stdout
    assert sentence in result.stdout
    assert nibabel.load(out).shape == (9, 8, 7)


def common(mask, out):
    return {
        "status": "ok",
        "input": str(mask),
        "output": str(out),
        "shape": [9, 8, 7],
        "spacing_mm": [1, 1, 1.5],
        "not_finite": 0,
    }


def test_json_of_morph_is_one_object(run, mask, tmp_path):
    out = tmp_path / "out.nii"
    assert json.loads(run(*WORDS["dilate"], mask, out, "--json").stdout) == {
        **common(mask, out),
        "operation": "dilate",
        "radius_mm": 1.5,
        "neighbourhood": "box",
        "neighbourhood_size": [3, 3, 3],
        "neighbourhood_voxels": 27,
        "dtype": "uint8",
        "changed": 7 * 6 * 5 - 60,
    }
    filled = json.loads(run(*WORDS["fill-holes"], mask, out, "--json", "--force").stdout)
    assert (filled["radius_mm"], filled["neighbourhood"], filled["changed"]) == (None, None, 0)


def test_json_of_distance_is_one_object(run, mask, tmp_path):
    out = tmp_path / "out.nii"
    words = ["--json", "--metric", "city-block", "--signed", "--threshold", 0.5]
    assert json.loads(run("distance", mask, out, *words).stdout) == {
        **common(mask, out),
        "metric": "city-block",
        "signed": True,
        "threshold": 0.5,
        "inside": 60,
        "largest_mm": 2,
        "smallest_mm": -7,
        "empty_volumes": 0,
        "dtype": "float32",
    }


def test_json_of_median_is_one_object(run, mask, tmp_path):
    out = tmp_path / "out.nii"
    found = json.loads(run("median", mask, out, "--size", 3, "--json").stdout)
    assert found.pop("changed") > 0
    assert found == {
        **common(mask, out),
        "radius_mm": None,
        "window": "box",
        "window_size": [3, 3, 3],
        "window_voxels": 27,
        "dtype": "uint8",
    }


@pytest.mark.parametrize("name", WORDS)
def test_a_refusal_is_one_message_and_exit_code_1(run, tmp_path, name):
    result = run(*WORDS[name], tmp_path / "none.nii", tmp_path / "out.nii", "--json")
    assert result.exit_code == 1
    assert "cannot be opened" in result.stderr
    assert "Traceback" not in result.output
    assert json.loads(result.stdout)["error"]["file"] == str(tmp_path / "none.nii")


@pytest.mark.parametrize("name", WORDS)
def test_an_existing_output_needs_force(run, mask, tmp_path, name):
    out = tmp_path / "out.nii"
    out.write_bytes(b"old")
    result = run(*WORDS[name], mask, out)
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert out.read_bytes() == b"old"
    assert run(*WORDS[name], mask, out, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["morph", "erode"], "Missing option '--radius'"),
        (["morph", "erode", "--radius", "-1"], "-1 is not a positive number of mm"),
        (["morph", "erode", "--radius", "nan"], "nan is not a positive number of mm"),
        (["morph", "erode", "--radius", "3", "--shape", "star"], "'star' is not one of"),
        (["morph", "fill-holes", "--radius", "3"], "No such option"),
        (["morph", "fill-holes", "--nan", "ignore"], "'ignore' is not one of"),
        (["distance", "--metric", "taxi"], "'taxi' is not one of"),
        (["distance", "--threshold", "much"], "Invalid value for '--threshold'"),
        (["median"], "give either --size in voxels or --radius in mm"),
        (["median", "--size", "3", "--radius", "3"], "give either --size in voxels or --radius in mm"),
        (["median", "--size", "4"], "4 is not an odd number of voxels"),
        (["median", "--size", "3", "--shape", "ball"], "it belongs to --radius"),
        (["median", "--radius", "3", "--shape", "cross"], "'cross' is not one of"),
        (["median", "--size", "3", "--nan", "ignore"], "'ignore' is not one of"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(run, words, message):
    result = run(*words, "a.nii", "b.nii")
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_notes_say_what_was_taken_as_zero_or_left_out(run, nifti, tmp_path):
    values = np.ones((6, 6, 6, 2), "f4")
    values[3, 3, 3, 0] = np.nan
    values[..., 1] = 0
    path, out = nifti(values), tmp_path / "out.nii"
    for words, note in [
        (["median", "--size", 3, "--nan", "zero"], "1 voxels were NaN or infinite and taken as 0"),
        (["morph", "erode", "--radius", 1, "--nan", "ignore"], "1 voxels were NaN or infinite and left out"),
        (["distance", "--nan", "zero"], "no voxel inside, all of whose distances are 0: 1."),
    ]:
        result = run(*words, path, out, "--force")
        assert result.exit_code == 0, result.output
        assert note in result.stderr
