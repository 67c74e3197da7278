"""The demo on real data: its mathematics, its files, and what it refuses."""

import json
import re
import sys
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
from thrux import Surface, ThruxError
from thrux.cli import app as cli
from thrux.demo import cleaning, connectopy, data, mesh, report, run
from typer.testing import CliRunner

TETRAHEDRON = Surface(
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "f4"),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], "i4"),
)


def test_neighbours_of_a_mesh():
    found = mesh.neighbours_of(TETRAHEDRON)
    assert found.indices.shape == (4, 4)
    assert found.used.all()
    for vertex in range(4):
        assert found.indices[vertex, 0] == vertex
        assert sorted(found.indices[vertex]) == [0, 1, 2, 3]
        there = TETRAHEDRON.vertices[found.indices[vertex]]
        np.testing.assert_allclose(
            found.lengths[vertex], np.linalg.norm(there - TETRAHEDRON.vertices[vertex], axis=1), rtol=1e-6
        )


def test_rows_of_different_length_are_padded():
    # Two triangles that share an edge: two vertices have three neighbours, two have two.
    square = Surface(TETRAHEDRON.vertices, np.array([[0, 1, 2], [2, 1, 3]], "i4"))
    found = mesh.neighbours_of(square)
    assert found.used.sum(axis=1).tolist() == [3, 4, 4, 3]
    assert np.isinf(found.lengths[~found.used]).all()


def test_part_of_a_mesh_is_renumbered():
    part, numbers = mesh.part_of(TETRAHEDRON, np.array([True, False, True, True]))
    assert numbers.tolist() == [0, 2, 3]
    assert part.faces.tolist() == [[0, 2, 1]]
    np.testing.assert_array_equal(part.vertices, TETRAHEDRON.vertices[[0, 2, 3]])


def test_the_data_are_real():
    image, cortex = data.load_volume(every=4), data.load_cortex()
    assert image.spacing == (4.0, 4.0, 4.0)
    assert image.values.max() > 100
    for surface in cortex[:3]:
        assert surface.vertices.shape == (10_242, 3)
        assert surface.faces.shape == (20_480, 3)
    assert cortex.sulcal_depth.shape == (10_242,)


def test_a_missing_package_is_named_with_its_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "nilearn", None)
    result = CliRunner().invoke(cli.app, ["demo", "--out", str(tmp_path / "report"), "--json"])
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["value"] == "nilearn"
    assert "pip install 'thrux[demo]'" in error["remedy"]


def test_folders_that_are_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_bytes(b"")
    for place, words in [
        ("file", "it is a file"),
        ("full", "the folder is not empty.*--force"),
        ("none/report", "cannot be made"),
    ]:
        with pytest.raises(ThruxError, match=words):
            run.run_demo(tmp_path / place)


def check_report(out, result):
    assert result["status"] == "ok"
    assert json.loads((out / "results.json").read_text()) == {
        k: v for k, v in result.items() if k != "status"
    }
    gaussians, masks, maps, distances = (
        [race for race in result["races"] if race["section"] == section]
        for section in ("gaussian", "mask", "maps", "distance")
    )
    assert [len(gaussians), len(masks), len(maps), len(distances)] == [2, 4, 2, 2]
    for race in masks[:3]:
        assert (race["largest_difference"], race["largest_value"]) == (0, 1)
    assert masks[3]["largest_difference"] < 1e-6 * masks[3]["largest_value"]
    assert result["mask_above_dice"] < result["mask_filled_dice"] > 0.985
    assert result["mask_opened_ml"] < result["mask_closed_ml"] < result["mask_filled_ml"] < 1900
    assert result["mask_largest_depth_mm"] == pytest.approx(49, abs=2)
    for race in gaussians:
        assert race["largest_difference"] < 2e-6 * race["largest_value"]
    for race in maps:
        assert race["largest_difference"] < 3e-6 * race["largest_value"]
    assert result["depth_correlation_0_mm"] < 0.8 < 0.9 < result["depth_correlation_6_mm"]
    for race in distances:
        assert race["largest_difference"] < 2e-6 * race["largest_value"]
        assert 200 < race["largest_value"] < 300
    assert result["slope_by_grad"] == pytest.approx(result["slope_by_differences"], rel=1e-3)
    assert result["registration_error_after_mm"] < 0.6 * result["registration_error_before_mm"]
    assert result["registration_correlation_after"] > result["registration_correlation_before"]
    assert result["registration_least_determinant"] > 0
    noisy, smooth = (result[f"denoising_{name}_psnr_db"] for name in ("noisy", "gaussian"))
    for name in ("bilateral", "susan", "permutohedral"):
        if name != "permutohedral" or f"denoising_{name}_psnr_db" in result:  # where the lattice is served
            assert result[f"denoising_{name}_psnr_db"] > max(noisy, smooth) + 1
    page = (out / "report.html").read_text()
    assert f"<td>bilateral</td><td>{result['denoising_bilateral_psnr_db']:.2f} dB</td>" in page
    rest = "resting_frames" in result  # where the package brainspace is installed
    assert page.count("data:image/png;base64,") == 10 + 4 * rest
    if rest:
        check_cleaning(result)
        check_gradients(result)
    else:
        assert page.count("pip install --no-deps brainspace") == 2
    assert "$" not in re.sub(r"base64,[^\"]*", "", page)
    assert not re.search(r"(src|href)=\"?(?!data:)[a-z]+:", page)  # nothing from elsewhere
    assert "prefers-color-scheme: dark" in page
    assert (out / "demo.png").stat().st_size < 200_000


def check_cleaning(result):
    (race,) = [race for race in result["races"] if race["section"] == "cleaning"]
    assert race["rival"] == "nilearn.signal.clean"
    assert race["largest_difference"] < 1e-4
    found = [result[f"cleaned_{name}"] for name in ("series", "frames", "confounds")]
    assert found == [20_484, 652, 29]
    assert result["resting_frames"] == 652
    assert result["parcels"] == 84
    assert (
        result["partial_correlation_after"] < result["correlation_after"] < result["correlation_before"] < 0.5
    )


def check_gradients(result):
    assert result["gradients_parcels"] == 400
    assert result["gradients_published_correlation"] > 0.94  # with what BrainSpace carries, by vertices
    assert result["gradients_largest_residual"] < 2e-5


@pytest.mark.parametrize(
    ("job", "page"), [(cleaning, "no_recording.html"), (connectopy, "no_gradients.html")]
)
def test_without_its_data_a_section_says_what_to_install(monkeypatch, job, page):
    monkeypatch.setattr(job, "distribution", missing)
    assert job.find() is None
    assert "pip install --no-deps brainspace" in " ".join(report._text(page).split())


def missing(name):
    raise PackageNotFoundError(name)


def run_cli(out, *options):
    result = CliRunner().invoke(cli.app, ["demo", "--out", str(out), "--json", "--force", *options])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.slow  # `make demo` runs all of it
def test_a_quick_demo_leaves_other_files_alone(tmp_path):
    (tmp_path / "mine").write_bytes(b"mine")
    result = run_cli(tmp_path, "--quick")
    check_report(tmp_path, result)
    assert result["loss_last_ms2"] < result["loss_first_ms2"] / 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo.png", "mine", "report.html", "results.json"]
    assert (tmp_path / "mine").read_bytes() == b"mine"


@pytest.mark.slow
def test_the_full_demo(tmp_path):
    result = run_cli(tmp_path)
    check_report(tmp_path, result)
    assert result["loss_last_ms2"] < result["loss_first_ms2"] / 100
    assert result["speed_correlation"] > 0.95
