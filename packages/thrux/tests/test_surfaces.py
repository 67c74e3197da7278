"""Smoothing and distances along surfaces: files in, files out, and the command line."""

import json

import nibabel
import numpy as np
import pytest
import scipy.linalg
import thrux
from nibabel import cifti2
from scipy import sparse
from thrux import Limits, ThruxError
from thrux.cli import app as cli
from typer.testing import CliRunner

SIDE = 6
N = SIDE * SIDE
LEFT, RIGHT = "CORTEX_LEFT", "CORTEX_RIGHT"


def sheet():
    """A bumpy square of triangles, 2 mm apart."""
    y, x = (2.0 * np.ravel(a) for a in np.mgrid[:SIDE, :SIDE])
    vertices = np.stack([x, y, np.sin(x)], axis=1).astype("f4")
    at = np.arange(N).reshape(SIDE, SIDE)
    a, b, c, d = (q.ravel() for q in (at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]))
    return vertices, np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)]).astype("i4")


def expected(values, fwhm, keep=None):
    """The dense exponential of the operators from their definition; what is left out stays as it is."""
    vertices, faces = (a.astype(float) if a.dtype.kind == "f" else a for a in sheet())
    faces = faces if keep is None else faces[keep[faces].all(axis=1)]
    stiffness, mass = np.zeros((N, N)), np.zeros(N)
    for face in faces:
        corners = vertices[face]
        area = np.linalg.norm(np.cross(corners[1] - corners[0], corners[2] - corners[0])) / 2
        cot, squares = np.zeros(3), np.zeros(3)
        for k in range(3):
            one, two = corners[k - 2] - corners[k], corners[k - 1] - corners[k]
            cot[k] = one @ two / (2 * area)
            squares[k] = ((corners[k - 1] - corners[k - 2]) ** 2).sum()
            i, j = face[k - 2], face[k - 1]
            stiffness[[i, j], [i, j]] += cot[k] / 2
            stiffness[[i, j], [j, i]] -= cot[k] / 2
        for k in range(3):  # the mixed areas of Meyer et al.
            voronoi = (squares[k - 1] * cot[k - 1] + squares[k - 2] * cot[k - 2]) / 8
            mixed = area / 2 if cot[k] < 0 else area / 4
            mass[face[k]] += mixed if cot.min() < 0 else voronoi
    rate = np.divide(stiffness, mass[:, None], out=np.zeros((N, N)), where=mass[:, None] > 0)
    return scipy.linalg.expm(-((fwhm / np.sqrt(8 * np.log(2))) ** 2) / 2 * rate) @ values


@pytest.fixture
def surface(tmp_path):
    def write(structure="CortexLeft", name="a.surf.gii"):
        points, triangles = sheet()
        meta = nibabel.gifti.GiftiMetaData(AnatomicalStructurePrimary=structure) if structure else None
        arrays = [
            nibabel.gifti.GiftiDataArray(points, intent="pointset", meta=meta),
            nibabel.gifti.GiftiDataArray(triangles, intent="triangle"),
        ]
        nibabel.save(nibabel.GiftiImage(darrays=arrays), tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def maps(tmp_path):
    def write(values, name="in.func.gii", structure="CortexLeft"):
        arrays = [nibabel.gifti.GiftiDataArray(v.astype("f4"), intent="none") for v in values.T]
        meta = nibabel.gifti.GiftiMetaData(AnatomicalStructurePrimary=structure) if structure else None
        nibabel.save(nibabel.GiftiImage(darrays=arrays, meta=meta), tmp_path / name)
        return tmp_path / name

    return write


def read(path):
    return np.stack(nibabel.load(path).agg_data(), axis=1) if str(path).endswith(".func.gii") else None


@pytest.fixture
def values(rng):
    return rng.normal(size=(N, 2)).astype("f4")


@pytest.mark.fast
def test_maps_are_smoothed_as_by_the_exponential(surface, maps, values, tmp_path):
    out, seen = tmp_path / "out.func.gii", []
    report = thrux.smooth_surface_file(
        surface(), maps(values), out, fwhm=4.0, progress=lambda *at: seen.append(at)
    )
    np.testing.assert_allclose(read(out), expected(values, 4.0), atol=1e-5)
    assert dict(nibabel.load(out).meta) == {"AnatomicalStructurePrimary": "CortexLeft"}
    assert (report.maps, report.vertices, report.left_out, report.not_finite) == (2, N, 0, 0)
    assert seen == [(2, 2)]


def test_vertices_that_are_left_out(surface, maps, values, tmp_path):
    keep = np.ones(N, bool)
    keep[[0, 14, 20]] = False
    want = expected(np.where(keep[:, None], values, 0), 4.0, keep)
    out = tmp_path / "out.func.gii"
    # By a mask, whatever the values there.
    spoiled = np.where(keep[:, None], values, np.nan)
    mask = maps(keep[:, None].astype("f4"), "roi.func.gii")
    report = thrux.smooth_surface_file(surface(), maps(spoiled), out, fwhm=4.0, mask=mask)
    np.testing.assert_allclose(read(out), np.where(keep[:, None], want, 0), atol=1e-5)
    assert (report.left_out, report.not_finite) == (3, 0)
    # As zeros in every map.
    zeroed = np.where(keep[:, None], values, 0)
    report = thrux.smooth_surface_file(surface(), maps(zeroed), out, fwhm=4.0, zeros="ignore", force=True)
    np.testing.assert_allclose(read(out), np.where(keep[:, None], want, 0), atol=1e-5)
    assert (report.left_out, report.all_zero) == (3, 3)
    report = thrux.smooth_surface_file(surface(), maps(zeroed), out, fwhm=4.0, force=True)
    np.testing.assert_allclose(read(out), expected(zeroed, 4.0), atol=1e-5)
    # As NaN.
    with pytest.raises(ThruxError, match=r"6 values are NaN or infinite.*--nan zero"):
        thrux.smooth_surface_file(surface(), maps(spoiled), out, fwhm=4.0, force=True)
    report = thrux.smooth_surface_file(surface(), maps(spoiled), out, fwhm=4.0, nan="ignore", force=True)
    np.testing.assert_allclose(read(out), np.where(keep[:, None], want, np.nan), atol=1e-5)
    assert (report.left_out, report.not_finite) == (3, 6)
    thrux.smooth_surface_file(surface(), maps(spoiled), out, fwhm=4.0, nan="zero", force=True)
    np.testing.assert_allclose(read(out), expected(zeroed, 4.0), atol=1e-5)


def test_nan_in_one_map_leaves_the_others_alone(surface, maps, values, tmp_path):
    values[7, 1] = np.inf
    keep = np.arange(N) != 7
    out = tmp_path / "out.func.gii"
    thrux.smooth_surface_file(surface(), maps(values), out, fwhm=4.0, nan="ignore")
    np.testing.assert_allclose(read(out)[:, 0], expected(values[:, 0], 4.0), atol=1e-5)
    np.testing.assert_allclose(
        read(out)[keep, 1], expected(np.where(keep, values[:, 1], 0), 4.0, keep)[keep], atol=1e-5
    )
    assert np.isnan(read(out)[7, 1])


@pytest.fixture
def cifti(tmp_path, values):
    """Two cortices that lack a vertex each, and a volume."""
    inside = np.arange(N) != 15
    models = cifti2.BrainModelAxis.from_mask(inside, LEFT)
    models = models + cifti2.BrainModelAxis.from_mask(np.ones((2, 1, 1), bool), "THALAMUS_LEFT", np.eye(4))
    models = models + cifti2.BrainModelAxis.from_mask(inside, RIGHT)
    matrix = np.concatenate([values[inside], [[1, 2], [3, 4]], -2 * values[inside]]).T.astype("f4")
    image = nibabel.Cifti2Image(matrix, (cifti2.SeriesAxis(0, 0.72, 2), models))
    image.update_headers()
    nibabel.save(image, tmp_path / "in.dtseries.nii")
    return tmp_path / "in.dtseries.nii", matrix, inside


def test_a_cifti_file_with_one_or_both_hemispheres(cifti, surface, values, tmp_path):
    path, matrix, inside = cifti
    want = expected(np.where(inside[:, None], values, 0), 4.0, inside)[inside].T
    out = tmp_path / "out.dtseries.nii"
    report = thrux.smooth_surface_file(surface(), path, out, fwhm=4.0)
    found = nibabel.load(out)
    np.testing.assert_allclose(found.get_fdata()[:, : N - 1], want, atol=1e-5)
    np.testing.assert_array_equal(found.get_fdata()[:, N - 1 :], matrix[:, N - 1 :])
    assert found.header.get_axis(0) == cifti2.SeriesAxis(0, 0.72, 2)
    assert report.unchanged == [RIGHT, "THALAMUS_LEFT"]
    both = [surface("CortexRight", "b.surf.gii"), surface()]
    report = thrux.smooth_surface_file(both, path, out, fwhm=4.0, force=True)
    found = nibabel.load(out).get_fdata()
    np.testing.assert_allclose(
        found, np.concatenate([want, matrix[:, N - 1 : N + 1], -2 * want], 1), atol=2e-5
    )
    assert report.unchanged == ["THALAMUS_LEFT"]
    assert set(report.surfaces) == {LEFT, RIGHT}
    nameless = surface(None, "sheet.surf.gii")
    with pytest.raises(ThruxError, match=r"the surface is not known, but there are maps on .*--structure"):
        thrux.smooth_surface_file(nameless, path, out, fwhm=4.0, force=True)
    report = thrux.smooth_surface_file(nameless, path, out, fwhm=4.0, force=True, structure=RIGHT)
    assert set(report.surfaces) == {RIGHT}
    with pytest.raises(ThruxError, match="each must say"):
        thrux.smooth_surface_file([surface(), nameless], path, out, fwhm=4.0, force=True)


def test_what_is_refused(surface, maps, values, tmp_path):
    out = tmp_path / "out.func.gii"
    mesh, data = surface(), maps(values)
    for arguments, options, words in [
        ((mesh, maps(values[:-1], "b.func.gii")), {}, f"have {N - 1} vertices but the surface .* has {N}"),
        ((mesh, maps(values, "c.func.gii", "CortexRight")), {}, "the surface is CORTEX_LEFT, but .*RIGHT"),
        ((data, data), {}, "exactly one array of this kind"),
        ((mesh, mesh), {}, "one value, or one series"),
        ((mesh, data), {"fwhm": 0.0}, "positive number of mm"),
        ((mesh, data), {"fwhm": 40.0}, "wider than the surface, which spans 10 mm"),
        ((mesh, data), {"mask": data}, "2 maps: a mask is one map"),
        ((mesh, data), {"mask": maps(0 * values[:, :1], "d.func.gii")}, "leaves out every vertex"),
        ((mesh, data), {"limits": Limits(memory=40_000)}, "MiB of memory"),
        ((mesh, maps(0 * values, "e.func.gii")), {"zeros": "ignore"}, "no triangle of the surface is left"),
    ]:
        with pytest.raises(ThruxError, match=words) as caught:
            thrux.smooth_surface_file(*arguments, out, **{"fwhm": 4.0, **options})
        assert caught.value.remedy
        assert not out.exists()
    with pytest.raises(ThruxError, match="whose name ends in .gii"):
        thrux.smooth_surface_file(mesh, data, tmp_path / "out.mgz", fwhm=4.0)


def by_dijkstra(sources):
    vertices, faces = sheet()
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    lengths = np.linalg.norm(vertices[ends[:, 0]].astype(float) - vertices[ends[:, 1]], axis=1)
    graph = sparse.coo_array((lengths, ends.T), shape=(N, N)).tocsr()
    graph = graph.maximum(graph.T)  # an edge of two triangles stands there twice: not summed
    counted = sparse.coo_array((np.ones(len(ends)), ends.T), shape=(N, N)).tocsr()
    graph.data /= counted.maximum(counted.T).data
    return sparse.csgraph.dijkstra(graph, indices=sources, directed=False).min(axis=0)


@pytest.mark.fast
def test_distances_are_dijkstras(surface, tmp_path):
    np.testing.assert_allclose(
        thrux.surface_distance(thrux.load_surface(surface()), [0, 20]), by_dijkstra([0, 20]), rtol=1e-6
    )
    out = tmp_path / "d.shape.gii"
    assert callable(thrux.surface_distance_file)
    assert callable(thrux.surface_distance)  # loading its module must not put the module in its place
    report = thrux.surface_distance_file(surface(), sources=[0], to=[5, 0], target=out, radius=6.0)
    want = by_dijkstra([0])
    written = nibabel.load(out)
    np.testing.assert_allclose(written.agg_data(), np.where(want <= 6, want, np.nan), rtol=1e-6)
    assert dict(written.meta) == {"AnatomicalStructurePrimary": "CortexLeft"}
    assert (report.reached, report.within) == (N, int((want <= 6).sum()))
    assert report.farthest_mm == pytest.approx(want.max())
    assert [entry["vertex"] for entry in report.to] == [5, 0]
    assert report.to[0]["distance_mm"] == pytest.approx(want[5])


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(cli.app, ["surface", *map(str, words)])


def test_commands(run, surface, maps, values, tmp_path):
    values[3] = 0
    mesh, data, out = surface(), maps(values), tmp_path / "out.func.gii"
    result = run("smooth", mesh, data, out, "--fwhm", 4)
    assert result.exit_code == 0, result.output
    assert f"2 maps of {N} vertices, FWHM 4 mm along the surface" in result.stdout
    assert "1 vertices are 0" not in result.stderr
    result = run("smooth", mesh, data, out, "--fwhm", 4)
    assert result.exit_code == 1
    assert "--force" in result.stderr
    result = run("smooth", mesh, data, out, "--fwhm", 4, "--force", "--json", "--zeros", "ignore")
    assert json.loads(result.stdout)["left_out"] == 1
    result = run("geodesic", mesh, "--from", 0, "--from", 35, "--to", 1, "--json")
    found = json.loads(result.stdout)
    assert found["to"][0]["distance_mm"] == pytest.approx(by_dijkstra([0, 35])[1])
    assert found["sources"] == [0, 35]
    result = run("geodesic", mesh, "--from", 0, "--radius", 5, "--out", tmp_path / "d.shape.gii")
    assert "vertices are within 5 mm" in result.stdout
    assert "Wrote" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["geodesic", "none.gii", "--from", "1"], 1, "cannot be opened"),
        (["geodesic", "SURF", "--from", "36"], 1, "--from is 36: the surface has the vertices 0 to 35"),
        (["geodesic", "SURF", "--from", "1", "--to", "99"], 1, "--to is 99"),
        (["geodesic", "SURF", "--from", "1", "--out", "a.nii"], 1, "must end in .gii"),
        (["geodesic", "SURF"], 2, "--from"),
        (["geodesic", "SURF", "--from", "-1"], 2, "--from"),
        (["geodesic", "SURF", "--from", "1", "--radius", "-1"], 2, "positive number of mm"),
        (["smooth", "SURF", "a.gii", "b.gii"], 2, "--fwhm"),
        (["smooth", "SURF", "a.gii", "b.gii", "--fwhm", "4", "--zeros", "maybe"], 2, "--zeros"),
        (["smooth", "SURF", "a.gii", "b.gii", "--fwhm", "4"], 1, "cannot be opened"),
        ([], 2, ""),
    ],
)
def test_refusals_and_wrong_command_lines(run, surface, words, code, message):
    result = run(*(surface() if word == "SURF" else word for word in words))
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["smooth", "geodesic"])
def test_help(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    for text in ("SURF", "--json", "--force", "Examples", "Exit codes: 0 done"):
        assert text in result.stdout
