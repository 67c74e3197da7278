"""`thrux gradients`: maps against their definition in NumPy, files in and out, refusals, JSON, pictures."""

import json
import math
import sys

import nibabel
import numpy as np
import pytest
from thrux import ThruxError, gradients_file
from thrux.cli import app as cli
from thrux.gradients import gradients
from thrux.gradients.output import outputs
from thrux.gradients.places import load_places
from thrux.tables import read_table, write_matrix
from typer.testing import CliRunner

PLACES, FRAMES, K = 40, 80, 3


@pytest.fixture
def series(rng):
    """Of places on a line, whose neighbours go together."""
    place = np.linspace(0, 3, PLACES)
    near = np.exp(-2 * (place[:, None] - place) ** 2)
    return (near @ rng.normal(size=(PLACES, FRAMES)) + 0.2 * rng.normal(size=(PLACES, FRAMES))).astype("f4")


@pytest.fixture
def matrix(series):
    return np.corrcoef(series.astype(float))


@pytest.fixture
def hemispheres(tmp_path, series):
    """Two files, each with a vertex of zeros, and a surface for each."""
    for name, part in (("lh", series[: PLACES // 2]), ("rh", series[PLACES // 2 :])):
        part = np.concatenate([np.zeros((1, FRAMES), "f4"), part])
        nibabel.save(nibabel.MGHImage(part[:, None, None], np.eye(4)), tmp_path / f"{name}.rest.mgh")
        write_sphere(tmp_path / f"{name}.sphere.surf.gii", len(part))
    return tmp_path / "lh.rest.mgh", tmp_path / "rh.rest.mgh"


def write_sphere(path, n):
    """The convex hull of points that lie evenly on a sphere."""
    from scipy.spatial import ConvexHull

    height = 1 - (2 * np.arange(n) + 1) / n
    angle = np.arange(n) * math.pi * (3 - math.sqrt(5))
    points = np.stack(
        [np.cos(angle) * np.sqrt(1 - height**2), np.sin(angle) * np.sqrt(1 - height**2), height], 1
    )
    faces = ConvexHull(points).simplices
    corners = points[faces]
    inward = np.linalg.det(corners) < 0
    faces[inward] = faces[inward][:, ::-1]
    arrays = [
        nibabel.gifti.GiftiDataArray((50 * points).astype("f4"), intent="NIFTI_INTENT_POINTSET"),
        nibabel.gifti.GiftiDataArray(faces.astype("i4"), intent="NIFTI_INTENT_TRIANGLE"),
    ]
    nibabel.save(nibabel.GiftiImage(darrays=arrays), path)


def by_definition(matrix, sparsity, approach, alpha):
    """The largest entries of each row, their cosines, and the eigenvectors of the walk on these."""
    kept = math.floor((1 - sparsity) * len(matrix) + 1e-6)
    rows = np.zeros_like(matrix)
    for row, out in zip(matrix, rows, strict=True):
        largest = np.argsort(-row)[:kept]
        out[largest] = np.maximum(row[largest], 0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    likeness = rows @ rows.T
    if approach == "eigenmaps":
        np.fill_diagonal(likeness, 0)
    degree = likeness.sum(axis=1)
    kernel = likeness / np.outer(degree, degree) ** alpha if approach == "diffusion" else likeness
    degree = kernel.sum(axis=1)
    values, vectors = np.linalg.eigh(kernel / np.sqrt(np.outer(degree, degree)))
    values, vectors = values[::-1][1 : K + 1], vectors[:, ::-1] / np.sqrt(degree)[:, None]
    if approach == "eigenmaps":
        return signed(vectors[:, 1 : K + 1]), 1 - values
    return signed(vectors[:, 1 : K + 1] / vectors[:, :1] * values / (1 - values)), values / (1 - values)


def signed(maps):
    """The entry of largest size positive."""
    return maps * np.sign(np.take_along_axis(maps, np.abs(maps).argmax(axis=0)[None], axis=0))


@pytest.mark.parametrize("sparsity", [0.9, 0.5, 0])
@pytest.mark.parametrize("approach", ["diffusion", "eigenmaps"])
def test_of_a_matrix_by_the_definition(matrix, approach, sparsity):
    found = gradients(matrix, series=False, approach=approach, components=K, sparsity=sparsity, alpha=0.5)
    want, eigenvalues = by_definition(matrix, sparsity, approach, 0.5)
    np.testing.assert_allclose(found.eigenvalues, eigenvalues, rtol=1e-9)
    scale = np.abs(found.maps).max(axis=0) / np.abs(want).max(axis=0)
    np.testing.assert_allclose(found.maps, want * (scale if approach == "eigenmaps" else 1), atol=1e-8)
    assert found.maps.dtype == np.float64
    assert found.residuals.max() < 1e-10


@pytest.mark.parametrize(
    "approach",
    [
        pytest.param("diffusion", marks=pytest.mark.fast),
        pytest.param("eigenmaps", marks=pytest.mark.slow),
    ],
)
def test_of_series_as_of_their_correlations(series, matrix, approach):
    found = gradients(series, series=True, approach=approach, components=K)
    want = gradients(matrix, series=False, approach=approach, components=K)
    np.testing.assert_allclose(found.eigenvalues, want.eigenvalues, rtol=1e-3)
    np.testing.assert_allclose(found.maps, want.maps, atol=2e-3 * np.abs(want.maps).max())
    assert found.maps.dtype == np.float32
    place = np.arange(PLACES)
    assert abs(np.corrcoef(found.maps[:, 0], place)[0, 1]) > 0.9  # along the line


def test_places_without_connectivity_are_left_out_and_0(series, matrix):
    alone = np.zeros((PLACES + 2, PLACES + 2))
    kept = np.delete(np.arange(PLACES + 2), [4, 9])
    alone[np.ix_(kept, kept)] = matrix
    alone[4, 4] = 1
    found = gradients(alone, series=False, components=K)
    np.testing.assert_array_equal(np.flatnonzero(found.left_out), [4, 9])
    np.testing.assert_array_equal(found.maps[[4, 9]], 0)
    np.testing.assert_allclose(
        found.maps[kept], gradients(matrix, series=False, components=K).maps, atol=1e-9
    )
    constant = np.insert(series, 3, 7, axis=0)
    found = gradients(constant, series=True, components=K)
    assert np.flatnonzero(found.left_out).tolist() == [3]
    np.testing.assert_array_equal(found.maps[3], 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"components": 0}, "components is 0: one map at least"),
        (
            {"components": PLACES},
            f"components is {PLACES}: {PLACES} places with connectivity have fewer maps",
        ),
        ({"sparsity": 1}, "sparsity is 1: it is a share"),
        ({"alpha": 2}, "alpha is 2: it must lie from 0 to 1"),
    ],
)
def test_options_that_are_refused(matrix, options, words):
    with pytest.raises(ThruxError, match=words):
        gradients(matrix, series=False, **options)


def test_data_that_are_refused(matrix):
    matrix[2, 3] = np.nan
    with pytest.raises(ThruxError, match="the values of 1 of 40 places are NaN or infinite"):
        gradients(matrix, series=False)
    parts = np.kron(np.eye(2), np.ones((20, 20)))
    with pytest.raises(ThruxError, match="its connectivity has no gradients .*parts") as caught:
        gradients(parts, series=False, components=K)
    assert "smaller --sparsity" in caught.value.remedy


def test_a_search_that_does_not_end_is_refused(matrix, monkeypatch):
    import nitrix.graph

    def unfinished(*args, **options):
        return diffusion_embedding(*args, **options)._replace(converged=np.array(False))

    diffusion_embedding = nitrix.graph.diffusion_embedding
    monkeypatch.setattr(nitrix.graph, "diffusion_embedding", unfinished)
    with pytest.raises(ThruxError, match="not found to the accuracy that was asked for: residuals"):
        gradients(matrix, series=False, components=K)


@pytest.mark.parametrize("suffix", [".tsv", ".npy"])
def test_tables_of_regions(tmp_path, matrix, suffix):
    names = [f"region {n}" for n in range(PLACES)]
    write_matrix(tmp_path / "matrix.tsv", matrix, names)
    report = gradients_file([tmp_path / "matrix.tsv"], tmp_path / f"out{suffix}", components=K)
    assert (report.kind, report.places, report.left_out, report.frames) == ("matrix", PLACES, 0, None)
    want = gradients(matrix, series=False, components=K)
    np.testing.assert_allclose(report.eigenvalues, want.eigenvalues, rtol=1e-4)
    if suffix == ".npy":
        found = np.load(tmp_path / "out.npy")
    else:
        lines = (tmp_path / "out.tsv").read_text().splitlines()
        assert lines[0].split("\t") == ["name", "gradient_1", "gradient_2", "gradient_3"]
        assert [line.split("\t")[0] for line in lines[1:]] == names
        found = read_table(tmp_path / "out.tsv", row_names="name").values
    np.testing.assert_allclose(found, want.maps, atol=1e-4)


def test_a_table_that_is_not_symmetric_holds_series(tmp_path, series):
    np.savetxt(tmp_path / "series.tsv", series.T, delimiter="\t")
    np.save(tmp_path / "square.npy", series[:, :PLACES].T)
    report = gradients_file([tmp_path / "series.tsv"], tmp_path / "out.npy", components=K)
    assert (report.kind, report.places, report.frames) == ("series of regions", PLACES, FRAMES)
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), gradients(series, series=True, components=K).maps, atol=1e-3
    )
    assert load_places([tmp_path / "square.npy"]).kind == "series of regions"


def test_two_hemispheres_are_embedded_together(tmp_path, series, hemispheres):
    report = gradients_file(hemispheres, tmp_path / "g.func.gii", components=K)
    assert report.outputs == [str(tmp_path / f"{name}.g.func.gii") for name in ("lh", "rh")]
    assert (report.kind, report.places, report.left_out) == ("series on surfaces", PLACES + 2, 2)
    want = gradients(series, series=True, components=K).maps
    for path, where, part in zip(
        report.outputs, ("CortexLeft", "CortexRight"), (want[: PLACES // 2], want[PLACES // 2 :]), strict=True
    ):
        image = nibabel.load(path)
        assert image.meta["AnatomicalStructurePrimary"] == where
        assert [array.meta["Name"] for array in image.darrays] == ["gradient 1", "gradient 2", "gradient 3"]
        found = np.stack([array.data for array in image.darrays], axis=1)
        np.testing.assert_array_equal(found[0], 0)  # the vertex whose series is constant
        np.testing.assert_allclose(found[1:], part, atol=1e-5)
    alone = load_places(hemispheres[:1])
    assert outputs(tmp_path / "left.func.gii", alone) == [tmp_path / "left.func.gii"]
    gradients_file(hemispheres, tmp_path / "both.npy", components=K)
    assert np.load(tmp_path / "both.npy").shape == (PLACES + 2, K)


def test_pictures(tmp_path, matrix, hemispheres, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("thrux.gradients.picture._DRAWN", 1)  # large triangles take long
    np.save(tmp_path / "matrix.npy", matrix)
    gradients_file(
        [tmp_path / "matrix.npy"], tmp_path / "out.npy", components=K, picture=tmp_path / "plane.png"
    )
    surfaces = [tmp_path / f"{name}.sphere.surf.gii" for name in ("rh", "lh")]
    options = {"components": K, "picture": tmp_path / "maps.png"}
    gradients_file(hemispheres, tmp_path / "g.func.gii", surfaces=surfaces, **options)
    for name in ("plane", "maps"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ThruxError, match="maps on 2 surfaces are drawn on as many, of which 1 are given"):
        gradients_file(hemispheres, tmp_path / "g.func.gii", surfaces=surfaces[:1], force=True, **options)
    write_sphere(tmp_path / "rh.other.surf.gii", 30)
    wrong = [tmp_path / "rh.other.surf.gii", surfaces[1]]
    with pytest.raises(ThruxError, match="none of the surfaces is CORTEX_RIGHT with 21 vertices"):
        gradients_file(hemispheres, tmp_path / "g.func.gii", surfaces=wrong, force=True, **options)


def test_files_that_are_refused(tmp_path, matrix, hemispheres):
    np.save(tmp_path / "matrix.npy", matrix)
    (tmp_path / "left.mgh").write_bytes(hemispheres[0].read_bytes())
    (tmp_path / "there.npy").write_bytes(b"")
    table = tmp_path / "matrix.npy"
    short = nibabel.MGHImage(np.ones((21, 1, 1, FRAMES - 1), "f4"), np.eye(4))
    nibabel.save(short, tmp_path / "rh.short.mgh")
    for sources, out, field, words in [
        ([table, table], "out.npy", "input", "a matrix or a table is read alone"),
        ([table, hemispheres[0]], "out.npy", "input", "a matrix or a table is read alone"),
        ([table], "out.func.gii", "output", "must end in .npy, .tsv for a matrix"),
        (hemispheres, "out.tsv", "output", "must end in .npy, .gii, .gii.gz for a series on surfaces"),
        ([hemispheres[0], tmp_path / "left.mgh"], "out.func.gii", "structure", "which hemisphere it is"),
        ([hemispheres[0], tmp_path / "rh.short.mgh"], "out.npy", "frames", "the same frames on each surface"),
        ([table], "there.npy", "output", "the file exists"),
    ]:
        with pytest.raises(ThruxError, match=words) as caught:
            gradients_file(sources, tmp_path / out)
        assert caught.value.field == field


def test_memory_is_bounded(tmp_path, hemispheres):
    from thrux import Limits

    with pytest.raises(ThruxError, match="places is 42: it needs 1 MiB of memory"):
        gradients_file(hemispheres, tmp_path / "out.npy", limits=Limits(memory=2**18))


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(cli.app, ["gradients", *(str(word) for word in words)])


def test_the_command(run, tmp_path, matrix):
    result = run("--help")
    for text in (
        "thrux gradients matrix.tsv",
        "--approach",
        "--surface",
        "--max-memory",
        "Exit codes: 0 done; 1",
    ):
        assert text in result.stdout
    np.save(tmp_path / "matrix.npy", matrix)
    out = tmp_path / "out.tsv"
    result = run(tmp_path / "matrix.npy", out, "--components", K)
    assert result.exit_code == 0, result.output
    assert f"Wrote {out}: 3 gradients of 40 places (matrix), diffusion, eigenvalues " in result.stdout
    assert "; largest residual " in result.stdout
    found = json.loads(
        run(
            tmp_path / "matrix.npy", out, "--force", "--json", "--approach", "eigenmaps", "--components", K
        ).stdout
    )
    assert {
        name: found[name] for name in ("status", "approach", "alpha", "sparsity", "outputs", "left_out")
    } == {
        "status": "ok",
        "approach": "eigenmaps",
        "alpha": None,
        "sparsity": 0.9,
        "outputs": [str(out)],
        "left_out": 0,
    }
    assert len(found["eigenvalues"]) == len(found["residuals"]) == K
    refused = run(tmp_path / "matrix.npy", out, "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"]["field"] == "output"
    wrong = run(tmp_path / "matrix.npy", out, "--sparsity", 1)
    assert wrong.exit_code == 2
    assert "1 is no share from 0 to less than 1" in " ".join(wrong.stderr.split())


def test_a_picture_without_matplotlib_is_refused_before_any_work(run, tmp_path, matrix, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    np.save(tmp_path / "matrix.npy", matrix)
    result = run(tmp_path / "matrix.npy", tmp_path / "out.npy", "--picture", tmp_path / "p.png")
    assert result.exit_code == 1
    assert "pip install 'thrux[demo]'" in result.stderr
    assert not (tmp_path / "out.npy").exists()
