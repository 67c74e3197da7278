"""The command line: help, exit codes, JSON."""

import json
import subprocess
import sys

import nibabel
import numpy as np
import pytest
import thrux.smoothing
from thrux.cli import app as cli
from typer.testing import CliRunner

pytestmark = pytest.mark.fast


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(cli.app, [str(word) for word in words])


@pytest.fixture
def image(nifti, rng):
    return nifti(rng.normal(size=(6, 6, 6, 2)).astype("f4"), name="in.nii.gz")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--help"], ["thrux demo --out my-report", "thrux smooth bold.nii.gz", "Exit codes: 0 done; 1"]),
        (["smooth", "--help"], ["--fwhm", "--mode", "--nan", "--force", "--json", "t1_smooth", "Exit codes"]),
        (["demo", "--help"], ["--out", "--quick", "report.html", "Exit codes"]),
    ],
)
def test_help_shows_examples_and_exit_codes(run, words, expected):
    result = run(*words)
    assert result.exit_code == 0
    for text in expected:
        assert text in result.stdout


def test_version(run):
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("thrux ")
    assert "nitrix" in result.stdout


def test_help_does_not_wait_for_jax():
    code = (
        "import sys, thrux.cli; print(sorted({'jax', 'nibabel', 'matplotlib', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_smooth_writes_and_says_so(run, image, tmp_path):
    result = run("smooth", image, tmp_path / "out.nii", "--fwhm", 3)
    assert result.exit_code == 0
    assert "6 x 6 x 6 x 2, voxels of 1 x 1 x 1 mm, FWHM 3 mm, float32" in result.stdout
    assert nibabel.load(tmp_path / "out.nii").shape == (6, 6, 6, 2)


def test_smooth_json_is_one_object(run, image, tmp_path):
    result = run("smooth", image, tmp_path / "out.nii", "--fwhm", 3, "--json", "--mode", "nearest")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "status": "ok",
        "input": str(image),
        "output": str(tmp_path / "out.nii"),
        "shape": [6, 6, 6, 2],
        "spacing_mm": [1, 1, 1],
        "method": "gaussian",
        "fwhm_mm": 3,
        "sigma_mm": pytest.approx(3 / 2.3548200450309493),
        "mode": "nearest",
        "mask": None,
        "inside": 216,
        "dtype": "float32",
        "not_finite": 0,
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_a_refusal_is_one_message_and_exit_code_1(run, tmp_path, as_json):
    result = run("smooth", tmp_path / "none.nii", tmp_path / "out.nii", "--fwhm", 3, *["--json"] * as_json)
    assert result.exit_code == 1
    assert "cannot be opened" in result.stderr
    assert "Traceback" not in result.output
    if as_json:
        error = json.loads(result.stdout)["error"]
        assert error["file"] == str(tmp_path / "none.nii")
        assert set(error) == {"problem", "file", "field", "value", "remedy"}
    else:
        assert result.stdout == ""


def test_an_existing_output_needs_force(run, image, tmp_path):
    out = tmp_path / "out.nii"
    out.write_bytes(b"old")
    result = run("smooth", image, out, "--fwhm", 3)
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert out.read_bytes() == b"old"
    assert run("smooth", image, out, "--fwhm", 3, "--force").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["smooth"],
        ["smooth", "a.nii", "b.nii"],
        ["smooth", "a.nii", "b.nii", "--fwhm", "-1"],
        ["smooth", "a.nii", "b.nii", "--fwhm", "nan"],
        ["smooth", "a.nii", "b.nii", "--fwhm", "six"],
        ["smooth", "a.nii", "b.nii", "--fwhm", "6", "--mode", "edge"],
        ["smooth", "a.nii", "b.nii", "--fwhm", "6", "--sigma", "2"],
        ["smooth", "a.nii", "b.nii", "--fwhm", "6", "--method", "bilateral"],
        ["smooth", "a.nii", "b.nii", "--fwhm", "6", "--method", "bilateral", "--sigma-intensity", "much"],
        ["demo"],
        ["sharpen"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(run, words):
    result = run(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


GUIDED = ["--guide", "t2.nii", "--sigma-intensity", "10%"]


@pytest.mark.parametrize(
    ("method", "options", "name"),
    [
        ("gaussian", ["--sigma-intensity", "10%"], "--sigma-intensity"),
        ("gaussian", ["--guide", "t2.nii"], "--guide"),
        ("susan", GUIDED, "--sigma-intensity"),
        ("bilateral", [*GUIDED, "--brightness-threshold", "9"], "--brightness-threshold"),
        ("permutohedral", [*GUIDED, "--no-median"], "--no-median"),
        ("bilateral", [*GUIDED, "--mode", "wrap"], "--mode"),
    ],
)
def test_options_of_another_method_are_refused_by_name(run, image, tmp_path, method, options, name):
    result = run("smooth", image, tmp_path / "out.nii", "--fwhm", 3, "--method", method, *options)
    assert result.exit_code == 2
    assert f"Invalid value for {name}: it belongs to --method " in result.stderr
    assert f", not to {method}." in result.stderr
    assert not (tmp_path / "out.nii").exists()


def test_every_parameter_used_is_in_the_json(run, image, nifti, tmp_path, rng):
    guide = nifti(rng.normal(size=(6, 6, 6)).astype("f4"), name="t2.nii")
    mask = nifti(np.ones((6, 6, 6), "u1"), name="mask.nii")
    words = ["smooth", image, tmp_path / "out.nii", "--sigma", 1, "--mask", mask, "--json"]
    result = run(*words, "--method", "bilateral", "--guide", guide, *["--sigma-intensity", 0.5] * 2)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["method"] == "bilateral"
    assert (found["sigma_mm"], found["sigma_intensity"]) == (1, [0.5, 0.5])
    assert (found["guides"], found["mask"], found["inside"]) == ([str(guide)], str(mask), 216)


def test_an_estimated_threshold_is_said_aloud(run, nifti, tmp_path, rng):
    path = nifti(100 + rng.normal(size=(6, 6, 6)).astype("f4"))
    result = run("smooth", path, tmp_path / "out.nii", "--fwhm", 3, "--method", "susan", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["brightness_threshold_estimated"] is True
    assert f"brightness threshold {found['brightness_threshold']:.4g}, estimated" in result.stderr


def test_nan_voxels_are_counted_aloud(run, nifti, tmp_path):
    values = np.ones((6, 6, 6), "f4")
    values[0, 0, :2] = np.nan
    path = nifti(values)
    assert run("smooth", path, tmp_path / "a.nii", "--fwhm", 3).exit_code == 1
    result = run("smooth", path, tmp_path / "a.nii", "--fwhm", 3, "--nan", "ignore")
    assert result.exit_code == 0
    assert "2 voxels were NaN or infinite and left out" in result.stderr


def test_a_memory_limit_can_be_given(run, image, tmp_path):
    result = run("smooth", image, tmp_path / "out.nii", "--fwhm", 3, "--max-memory", 1)
    assert result.exit_code == 0


def test_an_unforeseen_error_is_one_message_and_exit_code_3(monkeypatch, capsys, image, tmp_path):
    def fail(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(thrux.smoothing, "smooth_file", fail)
    monkeypatch.setattr(sys, "argv", ["thrux", "smooth", str(image), str(tmp_path / "o.nii"), "--fwhm", "3"])
    monkeypatch.delenv("THRUX_DEBUG", raising=False)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 3
    text = capsys.readouterr().err
    assert "RuntimeError: a bug" in text
    assert "Traceback" not in text
    monkeypatch.setenv("THRUX_DEBUG", "1")
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main()
