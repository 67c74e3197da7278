"""`thrux connectivity`: matrices against nilearn and NumPy, files in and out, refusals, JSON, pictures."""

import json
import sys
import warnings

import nibabel
import numpy as np
import pytest
import scipy.linalg
from thrux import ThruxError, connectivity_files
from thrux.cli import app as cli
from thrux.connectivity import connectivity, load_region_series, mean_by_label
from typer.testing import CliRunner

REGIONS, FRAMES = 5, 60


@pytest.fixture
def runs(rng):
    mixing = rng.normal(size=(REGIONS, REGIONS))
    return [
        (mixing + 0.3 * rng.normal(size=(REGIONS, REGIONS))) @ rng.normal(size=(REGIONS, FRAMES))
        for _ in "abc"
    ]


def nilearn_says(runs, kind):
    connectome = pytest.importorskip("nilearn.connectome")
    covariance = pytest.importorskip("sklearn.covariance")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measure = connectome.ConnectivityMeasure(
            kind=kind, cov_estimator=covariance.EmpiricalCovariance(), standardize=None
        )
        return measure.fit_transform([run.T for run in runs]), measure


@pytest.mark.parametrize("kind", ["correlation", "partial", "tangent", "covariance"])
def test_the_same_as_nilearn(runs, kind):
    want, measure = nilearn_says(runs, {"partial": "partial correlation"}.get(kind, kind))
    found = connectivity(runs, kind=kind)
    factor = FRAMES / (FRAMES - 1) if kind == "covariance" else 1  # nilearn divides by n
    # nilearn ends the search for the mean earlier; the next test has the definition.
    np.testing.assert_allclose(found.matrices, factor * want, atol=1e-3 if kind == "tangent" else 1e-12)
    assert found.matrices.dtype == np.float64
    if kind == "tangent":
        np.testing.assert_allclose(found.reference * (FRAMES - 1) / FRAMES, measure.mean_, rtol=1e-2)
    else:
        assert found.reference is None


def test_tangent_matrices_are_logarithms_about_the_mean(runs):
    found = connectivity(runs, kind="tangent")
    np.testing.assert_allclose(found.matrices.sum(axis=0), 0, atol=1e-6)  # what makes it the mean
    root = np.real(scipy.linalg.sqrtm(found.reference))
    for run, matrix in zip(runs, found.matrices, strict=True):
        np.testing.assert_allclose(root @ scipy.linalg.expm(matrix) @ root, np.cov(run), rtol=1e-6, atol=1e-8)


@pytest.mark.fast
def test_partial_correlation_of_a_chain(rng):
    # a -> b -> c: a and c correlate, and given b they do not.
    a = rng.normal(size=20000)
    b = a + rng.normal(size=a.shape)
    c = b + rng.normal(size=a.shape)
    (whole,) = connectivity([np.stack([a, b, c])]).matrices
    (partial,) = connectivity([np.stack([a, b, c])], kind="partial").matrices
    assert whole[0, 2] > 0.5
    assert abs(partial[0, 2]) < 0.02
    np.testing.assert_allclose(np.diag(partial), 1)


def test_l2_is_in_units_of_the_mean_variance(runs):
    wide = [1e6 * run for run in runs]
    for kind in ("partial", "correlation", "tangent"):
        np.testing.assert_allclose(
            connectivity(wide, kind=kind, l2=0.1).matrices,
            connectivity(runs, kind=kind, l2=0.1).matrices,
            atol=1e-6,
        )
    covariance = np.cov(runs[0])
    np.testing.assert_allclose(
        connectivity(runs, kind="covariance", l2=0.1).matrices[0],
        covariance + 0.1 * np.trace(covariance) / REGIONS * np.eye(REGIONS),
    )


@pytest.mark.parametrize("kind", ["partial", "tangent"])
def test_a_singular_covariance_is_refused_with_the_way_out(runs, kind):
    few = [run[:, :4] for run in runs]
    with pytest.raises(ThruxError, match="covariance is singular: it has no inverse.*--l2, for instance 0.1"):
        connectivity(few, kind=kind)
    assert np.isfinite(connectivity(few, kind=kind, l2=0.1).matrices).all()
    summed = [np.concatenate([run, run[:1] + run[1:2]]) for run in runs]
    with pytest.raises(ThruxError, match="some regions are sums of others"):
        connectivity(summed, kind=kind)
    runs[0][2] = 3
    with pytest.raises(ThruxError, match="1 regions are constant"):
        connectivity(runs, kind=kind)


def test_a_constant_region_correlates_with_none(runs):
    runs[0][2] = 3
    (found,) = connectivity(runs[:1]).matrices
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(np.delete(found[2], 2), 0)


@pytest.mark.parametrize(
    ("runs", "options", "words"),
    [
        (
            [np.ones((2, 9))],
            {"kind": "tangent"},
            "kind is tangent: a tangent space is seen from the mean of several",
        ),
        ([np.ones((2, 9)), np.ones((3, 9))], {}, "regions is 2 and 3: all runs must have the same"),
        ([np.ones((2, 2))], {}, "frames is 2: there must be three at least"),
        ([np.ones((2, 9))], {"l2": -1}, "l2 is -1: it must not be negative"),
        ([np.ones((2, 9))], {"kind": "magic"}, "kind is magic: it is not known"),
    ],
)
def test_what_cannot_be_estimated_is_refused(unchecked, runs, options, words):
    with pytest.raises(ThruxError, match=words):
        connectivity(runs, **options)


def test_means_over_labels(rng):
    series = rng.normal(size=(9, 4)).astype("f4")
    labels = np.array([0, 7, 2, 7, 2, 2, 0, 11, -1])
    found, means = mean_by_label(series, labels)
    assert found.tolist() == [-1, 2, 7, 11]
    for label, mean in zip(found, means, strict=True):
        np.testing.assert_allclose(mean, series[labels == label].astype(float).mean(0), rtol=1e-12)


@pytest.fixture
def table(runs, tmp_path):
    def write(run=0, name="series.tsv", names=("a", "b", "c", "d", "e")):
        rows = "\n".join("\t".join(f"{v:.17g}" for v in row) for row in runs[run].T)
        (tmp_path / name).write_text("\t".join(names) + "\n" + rows + "\n")
        return tmp_path / name

    return write


def test_tables_in_and_out(table, runs, tmp_path):
    report = connectivity_files([table()], tmp_path / "m.tsv")
    head, *lines = [line.split("\t") for line in (tmp_path / "m.tsv").read_text().splitlines()]
    assert head == ["name", "a", "b", "c", "d", "e"]
    assert [line[0] for line in lines] == head[1:]
    values = np.array([line[1:] for line in lines], float)
    np.testing.assert_allclose(values, np.corrcoef(runs[0]), rtol=1e-8)
    assert (report.regions, report.frames, report.kind, report.constant) == (5, [60], "correlation", [])


def test_several_files_and_every_kind_of_output(table, runs, tmp_path):
    sources = [table(run, f"{run}.tsv") for run in range(3)]
    want = np.stack([np.corrcoef(run) for run in runs])
    connectivity_files(sources, tmp_path / "m.npy")
    np.testing.assert_allclose(np.load(tmp_path / "m.npy"), want, rtol=1e-12)
    connectivity_files(sources[:1], tmp_path / "one.npy")
    np.testing.assert_allclose(np.load(tmp_path / "one.npy"), want[0], rtol=1e-12)
    report = connectivity_files(sources, tmp_path / "m.npz", kind="tangent")
    with np.load(tmp_path / "m.npz") as found:
        assert sorted(found) == ["inputs", "matrices", "names", "reference"]
        assert found["matrices"].shape == (3, 5, 5)
        assert found["names"].tolist() == ["a", "b", "c", "d", "e"]
        assert found["inputs"].tolist() == [str(source) for source in sources]
        np.testing.assert_allclose(found["reference"], connectivity(runs, kind="tangent").reference)
    assert report.reference == "geometric mean of the covariances"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f8", ">f4", "i2"])
def test_npy_files(runs, tmp_path, order, dtype):
    values = np.asarray(10 * runs[0].T, dtype, order=order)
    np.save(tmp_path / "in.npy", values)
    found = load_region_series(tmp_path / "in.npy")
    assert found.names == ("1", "2", "3", "4", "5")
    np.testing.assert_array_equal(found.values, values.T.astype(float))


def test_npy_files_that_are_refused(tmp_path, runs):
    path = tmp_path / "in.npy"
    np.save(path, np.array([[{}]], object), allow_pickle=True)
    with pytest.raises(ThruxError, match="dtype is object: only real numbers are read"):
        load_region_series(path)
    np.save(path, runs[0])
    whole = path.read_bytes()
    for content, words in [
        (whole[:-8], "size is 2392 bytes: the header declares 5 x 60 of float64"),
        (whole[:20], "it is not the start of a .npy file"),
        (b"", "it is not the start of a .npy file"),
        (whole.replace(b"(5, 60)", b"(8**9,)"), "it is not the start|a matrix"),
        (whole.replace(b"(5, 60), }", b"(5, 600),}"), "the header declares 5 x 600"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ThruxError, match=words):
            load_region_series(path)
    np.save(path, runs[0][0])
    with pytest.raises(ThruxError, match="a matrix with a row for each frame"):
        load_region_series(path)


@pytest.fixture
def image(nifti, rng):
    """A 4-D image, its labels, and the series of the regions."""
    values = rng.normal(size=(4, 3, 2, 20)).astype("f4")
    labels = np.zeros((4, 3, 2), "i2")
    labels[1, :, 0], labels[2, 1:, 1], labels[3, 0, 0] = 3, 1, 250
    series = np.stack([values[labels == n].astype(float).mean(0) for n in (1, 3, 250)])
    return nifti(values, name="bold.nii.gz"), nifti(labels, name="atlas.nii"), series


@pytest.mark.fast
def test_an_image_and_its_labels(image, tmp_path):
    bold, atlas, series = image
    connectivity_files([bold], tmp_path / "m.tsv", labels=atlas)
    lines = [line.split("\t") for line in (tmp_path / "m.tsv").read_text().splitlines()]
    assert lines[0] == ["name", "1", "3", "250"]
    found = np.array([line[1:] for line in lines[1:]], float)
    np.testing.assert_allclose(found, np.corrcoef(series), atol=1e-6)


@pytest.mark.parametrize("kind", ["label.gii", "mgz", "csv"])
def test_a_surface_and_its_labels(rng, tmp_path, kind):
    series, labels = rng.normal(size=(30, 12)).astype("f4"), np.arange(30) % 4
    arrays = [nibabel.gifti.GiftiDataArray(frame, intent="NIFTI_INTENT_TIME_SERIES") for frame in series.T]
    nibabel.save(nibabel.GiftiImage(darrays=arrays), tmp_path / "in.func.gii")
    path, names = tmp_path / f"labels.{kind}", ("1", "2", "3")
    if kind == "label.gii":
        content = nibabel.GiftiImage(
            darrays=[nibabel.gifti.GiftiDataArray(labels.astype("i4"), intent="NIFTI_INTENT_LABEL")]
        )
        for number, name in enumerate(["???", "V1", "M1", "S1 & S2"]):
            label = nibabel.gifti.GiftiLabel(number, 0.5, 0.5, 0.5, 1)
            label.label = name
            content.labeltable.labels.append(label)
        nibabel.save(content, path)
        names = ("V1", "M1", "S1 & S2")
    elif kind == "mgz":
        nibabel.save(nibabel.MGHImage(labels.astype("i4")[:, None, None], np.eye(4)), path)
    else:
        path.write_text("\n".join(map(str, labels)) + "\n")
    found = load_region_series(tmp_path / "in.func.gii", labels=path)
    assert found.names == names
    want = np.stack([series[labels == n].astype(float).mean(0) for n in (1, 2, 3)])
    np.testing.assert_allclose(found.values, want, rtol=1e-6)


def test_labels_that_do_not_fit_are_refused(image, table, nifti, tmp_path):
    bold, atlas, _ = image
    half = nifti(np.full((4, 3, 2), 0.5, "f4"), name="half.nii")
    none = nifti(np.zeros((4, 3, 2), "f4"), name="none.nii")
    other = nifti(np.ones((4, 3, 3), "f4"), name="other.nii")
    mgh, words = tmp_path / "in.mgz", tmp_path / "labels.csv"
    nibabel.save(nibabel.MGHImage(np.ones((6, 1, 1, 4), "f4"), np.eye(4)), mgh)
    words.write_text("1\n2\n")
    for source, labels, message in [
        (bold, None, "labels is missing: the regions of an image are said by labels. Give --labels"),
        (table(), atlas, "a table has a column for each region already"),
        (bold, half, "labels are whole numbers"),
        (bold, none, "it leaves out every voxel"),
        (bold, other, "4 x 3 x 2 voxels, and a mask must have the same"),
        (mgh, words, "labels is 2: there must be one for each of the 6 vertices"),
    ]:
        with pytest.raises(ThruxError, match=message):
            load_region_series(source, labels=labels)


def test_series_that_are_no_numbers_are_refused(table):
    path = table()
    path.write_text(path.read_text() + "1\t2\tn/a\t4\t5\n")
    with pytest.raises(ThruxError, match="region c is NaN or infinite: 1 of 5 regions"):
        load_region_series(path)


def test_files_that_do_not_fit_are_refused(table, tmp_path, image):
    one, two = table(0, "one.tsv"), table(1, "two.tsv", ("a", "b", "C", "d", "e"))
    for sources, target, words in [
        (
            [one, two],
            "m.npz",
            "two.tsv: regions is C in the place of c: its regions are others than those of .*one",
        ),
        ([one], "m.txt", "must end in .tsv, .npy, .npz"),
        ([one, one], "m.tsv", "a table holds one matrix, and there are 2 files"),
        ([one], "two.tsv", "the file exists"),
        ([tmp_path / "none.tsv"], "m.tsv", "cannot be opened"),
    ]:
        with pytest.raises(ThruxError, match=words):
            connectivity_files(sources, tmp_path / target)
    with pytest.raises(ThruxError, match="it is one of the files that are read"):
        connectivity_files([one], one, force=True)


def test_a_picture(table, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    report = connectivity_files([table()], tmp_path / "m.tsv", picture=tmp_path / "m.png")
    assert report.picture == str(tmp_path / "m.png")
    assert (tmp_path / "m.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    three = [table(run, f"{run}.tsv") for run in range(3)]
    connectivity_files(three, tmp_path / "t.npz", kind="tangent", picture=tmp_path / "t.png")
    assert (tmp_path / "t.png").stat().st_size > 1000
    for name, words in [("m.jpg", "the name must end in .png"), ("m.png", "the file exists")]:
        with pytest.raises(ThruxError, match=words):
            connectivity_files([table()], tmp_path / "n.tsv", picture=tmp_path / name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ThruxError, match=r"matplotlib.*pip install 'thrux\[demo\]'"):
        connectivity_files([table()], tmp_path / "n.tsv", picture=tmp_path / "n.png")
    assert not (tmp_path / "n.tsv").exists()


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(cli.app, ["connectivity", *(str(word) for word in words)])


def test_the_command_says_what_it_did(run, table, tmp_path):
    source, out = table(), tmp_path / "m.tsv"
    result = run(source, out, "--kind", "partial")
    assert result.exit_code == 0, result.output
    assert f"Wrote {out}: a matrix of 5 regions, partial, 60 frames." in result.stdout
    result = run(source, out)
    assert result.exit_code == 1
    assert "--force" in result.stderr
    second, out = table(1, "two.tsv"), tmp_path / "m.npz"
    found = json.loads(run(source, second, out, "--kind", "tangent", "--l2", 0.1, "--json").stdout)
    assert found == {
        "status": "ok",
        "inputs": [str(source), str(second)],
        "output": str(out),
        "picture": None,
        "labels": None,
        "kind": "tangent",
        "l2": 0.1,
        "regions": 5,
        "names": ["a", "b", "c", "d", "e"],
        "frames": [60, 60],
        "constant": [],
        "reference": "geometric mean of the covariances",
    }


@pytest.mark.fast
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["none.tsv", "out.tsv"], 1, "cannot be opened"),
        (["a.tsv"], 2, "Missing argument"),
        (["a.tsv", "b.tsv", "--kind", "magic"], 2, "'magic' is not one of"),
        (["a.tsv", "b.tsv", "--l2", "-1"], 2, "Invalid value for '--l2'"),
        (["a.tsv", "b.npy", "--kind", "tangent", "--json"], 1, "cannot be opened"),
    ],
)
def test_refusals_and_wrong_command_lines(run, words, code, message):
    result = run(*words)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output


def test_help(run):
    result = run("--help")
    assert result.exit_code == 0
    for text in ("IN...", "--labels", "--l2", "--picture", "--json", "Exit codes: 0 done"):
        assert text in result.stdout
