"""`thrux clean`: NIfTI, GIfTI and MGH in and out, tables beside them, refusals, JSON."""

import json

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.mghformat import MGHHeader
from thrux import Limits, ThruxError, clean_file
from thrux.cleaning import clean_series, load_confounds
from thrux.cleaning.confounds import check_confounds
from thrux.cli import app as cli
from thrux.time_series import load_series
from typer.testing import CliRunner

FRAMES, N = 24, 12


@pytest.fixture
def series(rng):
    return (100 + rng.normal(size=(N, FRAMES)).cumsum(axis=1)).astype("f4")


@pytest.fixture
def confounds(rng, tmp_path):
    """As fMRIPrep writes them: names, and derivatives that lack their first value."""
    columns = rng.normal(size=(FRAMES, 4))
    columns[:, 2] = np.abs(columns[:, 2])
    lines = ["trans_x\ttrans_y\tframewise_displacement\tcsf"]
    for row, values in enumerate(columns):
        words = [f"{v:.17g}" for v in values]
        lines.append("\t".join([*words[:2], "n/a" if row == 0 else words[2], words[3]]))
    path = tmp_path / "confounds.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path, columns


@pytest.fixture
def write(tmp_path):
    """Writes series in a file of one of the kinds, with a frame in 2 s; returns its path."""

    def nifti(series, name="in.nii.gz", step=2.0, unit="sec"):
        image = nibabel.Nifti1Image(series.reshape(3, 2, 2, -1, order="F"), np.diag([2, 3, 4, 1.0]))
        image.header.set_xyzt_units("mm", unit)
        image.header["pixdim"][4] = step
        image.header["descrip"] = b"mine"
        nibabel.save(image, tmp_path / name)
        return tmp_path / name

    def gifti(series, name="in.L.func.gii", step="2000"):
        arrays = [
            nibabel.gifti.GiftiDataArray(
                frame,
                intent="NIFTI_INTENT_TIME_SERIES",
                meta=nibabel.gifti.GiftiMetaData(Frame=str(number), **({"TimeStep": step} if step else {})),
            )
            for number, frame in enumerate(series.T)
        ]
        nibabel.save(nibabel.GiftiImage(darrays=arrays), tmp_path / name)
        return tmp_path / name

    def mgh(series, name="in.lh.mgz", step=2000.0):
        header = MGHHeader()
        header["tr"], header["flip_angle"] = step, 0.5
        values = np.ascontiguousarray(series[:, None, None])
        image = nibabel.MGHImage(values[..., 0] if values.shape[3] == 1 else values, np.eye(4), header)
        nibabel.save(image, tmp_path / name)
        return tmp_path / name

    return {"NIfTI": nifti, "GIfTI": gifti, "MGH": mgh}


def read(path):
    image = nibabel.load(path)
    if path.name.endswith(".gii"):
        return np.stack([array.data for array in image.darrays], axis=-1)
    values = np.asarray(image.dataobj)
    return values.reshape(N, -1, order="F")


OUT = {"NIfTI": "out.nii", "GIfTI": "out.func.gii", "MGH": "out.mgz"}
KINDS = list(OUT)


@pytest.mark.fast
@pytest.mark.parametrize("kind", KINDS)
def test_files_are_cleaned_as_arrays_are(write, series, confounds, tmp_path, kind):
    table, columns = confounds
    moved = np.r_[0, columns[1:, 2]] > 1.2
    assert 2 < moved.sum() < 8
    source, out, seen = write[kind](series), tmp_path / OUT[kind], []
    report = clean_file(
        source,
        out,
        confounds=table,
        columns=["trans_*", "csf"],
        high_pass=0.02,
        low_pass=0.2,
        order=1,
        fd_threshold=1.2,
        standardise="zscore",
        progress=lambda *at: seen.append(at),
    )
    want = clean_series(
        series,
        confounds=columns[:, [0, 1, 3]],
        tr=2.0,
        kept=~moved,
        high_pass=0.02,
        low_pass=0.2,
        order=1,
        standardise="zscore",
    )
    np.testing.assert_allclose(read(out), want, atol=1e-5)
    assert seen == [(0, N), (N, N)]
    assert (report.kind, report.series, report.frames, report.frames_written) == (
        kind,
        N,
        FRAMES,
        want.shape[1],
    )
    assert report.frames_scrubbed == np.flatnonzero(moved).tolist()
    assert (report.columns, report.columns_filled) == (["trans_x", "trans_y", "csf"], [])
    assert (report.tr_s, report.tr_source) == (
        2.0,
        {"NIfTI": "pixdim[4]", "GIfTI": "TimeStep", "MGH": "repetition time after the data"}[kind],
    )
    kept = nibabel.load(out)
    if kind == "NIfTI":
        before = nibabel.load(source)
        np.testing.assert_array_equal(kept.affine, before.affine)
        assert kept.get_data_dtype() == np.float32
        assert kept.header["descrip"] == b"mine"
        np.testing.assert_array_equal(kept.header.get_zooms(), before.header.get_zooms())
    elif kind == "GIfTI":
        frames = [int(array.meta["Frame"]) for array in kept.darrays]
        assert frames == np.flatnonzero(~moved).tolist()
        assert {array.intent for array in kept.darrays} == {nibabel.nifti1.intent_codes["time series"]}
    else:
        assert (float(kept.header["tr"]), float(kept.header["flip_angle"])) == (2000.0, 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_leaves_series_out(write, series, tmp_path, kind):
    inside = np.arange(N) % 3 > 0
    spoiled = np.where(inside[:, None], series, np.nan).astype("f4")
    suffix = OUT[kind].partition(".")[2]
    mask = write[kind](inside[:, None].astype("f4"), f"mask.{suffix}")
    if kind == "NIfTI":
        mask = tmp_path / "mask.nii"
        nibabel.save(
            nibabel.Nifti1Image(inside.reshape(3, 2, 2, order="F").astype("u1"), np.diag([2, 3, 4, 1.0])),
            mask,
        )
    out = tmp_path / OUT[kind]
    report = clean_file(write[kind](spoiled), out, mask=mask)
    np.testing.assert_allclose(read(out)[inside], clean_series(series[inside]), atol=1e-4)
    np.testing.assert_array_equal(read(out)[~inside], 0)
    assert (report.series, report.not_finite) == (int(inside.sum()), 0)


def test_series_that_are_no_numbers_are_refused_or_zero(write, series, tmp_path):
    series[3, 5], series[4], series[7, 5] = np.nan, 7, np.inf
    source, out = write["NIfTI"](series), tmp_path / "out.nii"
    with pytest.raises(
        ThruxError, match="2 of 12 series are NaN or infinite at frames that are kept.*--nan zero"
    ):
        clean_file(source, out)
    assert not out.exists()
    report = clean_file(source, out, nan="zero")
    assert (report.not_finite, report.constant) == (2, 1)
    np.testing.assert_array_equal(read(out)[[3, 4, 7]], 0)
    others = [0, 1, 2, 5, 6, 8, 9, 10, 11]
    np.testing.assert_allclose(read(out)[others], clean_series(series[others]), atol=1e-4)
    (tmp_path / "scrub.txt").write_text("5\n")  # what is wrong lies in a frame that is left out
    assert clean_file(source, out, scrub=tmp_path / "scrub.txt", force=True).not_finite == 0


def test_scrubbed_frames_by_number_or_by_flag(write, series, tmp_path):
    source, flags = write["MGH"](series), np.zeros(FRAMES, int)
    flags[[2, 3, 9]] = 1
    results = []
    for name, text in [
        ("numbers.txt", "9\n2\n3\n"),
        ("lying.txt", "2 3 9\n"),
        ("flags.tsv", "scrub\n" + "\n".join(map(str, flags)) + "\n"),
    ]:
        (tmp_path / name).write_text(text)
        report = clean_file(source, tmp_path / "o.mgz", scrub=tmp_path / name, force=True)
        assert (report.frames_scrubbed, report.frames_written) == ([2, 3, 9], FRAMES - 3)
        assert [step["step"] for step in report.steps] == [
            "detrend",
            "fill scrubbed frames linearly",
            "drop scrubbed frames",
        ]
        results.append(read(tmp_path / "o.mgz"))
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(results[1], results[2])
    report = clean_file(
        source, tmp_path / "all.mgz", scrub=tmp_path / "numbers.txt", keep_scrubbed=True, detrend=None
    )
    whole = read(tmp_path / "all.mgz")
    assert report.frames_written == FRAMES == whole.shape[1]
    np.testing.assert_allclose(whole[:, 2], (2 * series[:, 1] + series[:, 4]) / 3, rtol=1e-5)


@pytest.mark.parametrize("text", ["24\n", "-1\n", "1.5\n", "n/a\n", "3\n3\n", "1\t2\n3\t4\n"])
def test_what_names_no_frames_is_refused(write, series, tmp_path, text):
    (tmp_path / "scrub.txt").write_text(text)
    with pytest.raises(ThruxError, match="it must hold the numbers of the frames to leave out, from 0 to 23"):
        clean_file(write["MGH"](series), tmp_path / "o.mgz", scrub=tmp_path / "scrub.txt")


def test_missing_values_of_confounds(confounds):
    path, columns = confounds
    table, found = load_confounds(path, n_frames=FRAMES)
    assert found.filled == ("framewise_displacement",)
    columns[0, 2] = columns[1, 2]
    np.testing.assert_array_equal(found.values, columns)
    lines = path.read_text().splitlines()
    lines[6] = "\t".join(["n/a", *lines[6].split("\t")[1:]])
    path.write_text("\n".join(lines))
    kept = np.ones(FRAMES, bool)
    table, found = load_confounds(path, n_frames=FRAMES)
    with pytest.raises(
        ThruxError, match=r"column trans_x is nan: 1 values .* in frame 5, .*--columns.*--scrub"
    ):
        check_confounds(table, found, kept)
    check_confounds(*load_confounds(path, columns=["csf"], n_frames=FRAMES), kept)
    kept[5] = False
    check_confounds(table, found, kept)


def test_plain_text_without_names(confounds, tmp_path):
    _, columns = confounds
    np.savetxt(tmp_path / "confounds.txt", columns, fmt="%.10f")
    _, found = load_confounds(tmp_path / "confounds.txt", columns=["4", "1"], n_frames=FRAMES)
    assert found.names == ("4", "1")
    np.testing.assert_allclose(found.values, columns[:, [3, 0]], atol=1e-10)


@pytest.mark.parametrize(
    ("kind", "step", "seconds"),
    [
        ("NIfTI", {"step": 1.5, "unit": "sec"}, 1.5),
        ("NIfTI", {"step": 1500.0, "unit": "msec"}, 1.5),
        ("NIfTI", {"step": 1.5e6, "unit": "usec"}, 1.5),
        ("NIfTI", {"step": 1.5, "unit": "unknown"}, 1.5),
        ("NIfTI", {"step": 1500.0, "unit": "unknown"}, None),
        ("NIfTI", {"step": 1.5, "unit": "hz"}, None),
        ("NIfTI", {"step": 0.0, "unit": "sec"}, None),
        ("NIfTI", {"step": -1.0, "unit": "sec"}, None),
        ("GIfTI", {"step": "1.5"}, 1.5),
        ("GIfTI", {"step": "1500"}, 1.5),
        ("GIfTI", {"step": None}, None),
        ("GIfTI", {"step": "soon"}, None),
        ("MGH", {"step": 1500.0}, 1.5),
        ("MGH", {"step": 0.0}, None),
    ],
)
def test_the_time_between_frames(write, series, tmp_path, kind, step, seconds):
    source, out = write[kind](series, **step), tmp_path / OUT[kind]
    found = load_series(source).step
    assert (None if found is None else found.seconds) == (None if seconds is None else pytest.approx(seconds))
    if seconds is None:
        with pytest.raises(ThruxError, match="tr is missing: .*--tr 2"):
            clean_file(source, out, high_pass=0.02)
        report = clean_file(source, out)  # no filter, no question
        assert report.tr_s is None


def test_an_option_wins_over_the_header(write, series, tmp_path):
    report = clean_file(write["MGH"](series), tmp_path / "o.mgz", tr=0.8)
    assert (report.tr_s, report.tr_source) == (0.8, "--tr")


@pytest.mark.parametrize(
    ("source", "target", "options", "words"),
    [
        ("NIfTI", "out.mgz", {}, "must end in .nii or .nii.gz"),
        ("MGH", "out.nii", {}, "the output is a file of the kind of the input, MGH"),
        ("GIfTI", "none/out.gii", {}, "the folder .* does not exist"),
        ("MGH", "o.mgz", {"columns": ["a"]}, "columns is a: it chooses columns of the confounds, of which"),
        ("MGH", "o.mgz", {"fd_threshold": 0.5}, "fd_threshold is 0.5: the displacement is a column"),
        ("MGH", "o.mgz", {"confounds": "TABLE", "columns": ["wm"]}, "column is wm: the table has no such"),
        ("MGH", "o.mgz", {"confounds": "SHORT"}, "rows is 5: there must be one for each of the 24 frames"),
        ("MGH", "o.mgz", {"mask": "MASK"}, "a mask is one map over the 12 vertices"),
        ("MGH", "o.mgz", {"high_pass": 0.4}, "high_pass is 0.4: it must lie between 0 and 0.25 Hz"),
        ("MGH", "o.mgz", {"nan": "maybe"}, "nan is maybe: it is not known"),
    ],
)
def test_what_does_not_fit_is_refused(
    unchecked, write, series, confounds, tmp_path, source, target, options, words
):
    (tmp_path / "short.tsv").write_text("a\n" + "1\n" * 5)
    write["MGH"](series[:5, :1], "mask.mgz")
    places = {"TABLE": confounds[0], "SHORT": tmp_path / "short.tsv", "MASK": tmp_path / "mask.mgz"}
    options = {k: places.get(v, v) if isinstance(v, str) else v for k, v in options.items()}
    before = sorted(p.name for p in tmp_path.iterdir()) + [f"in.{source}"]
    path = write[source](series)
    with pytest.raises(ThruxError, match=words):
        clean_file(path, tmp_path / target, **options)
    assert len(list(tmp_path.iterdir())) == len(before)


def test_images_without_time_and_cifti_are_refused(nifti, write, series, tmp_path):
    with pytest.raises(ThruxError, match=r"dim\[0\] is 3: series in time are an image with four axes"):
        clean_file(nifti(np.ones((3, 3, 3), "f4")), tmp_path / "o.nii")
    axes = (
        nibabel.cifti2.SeriesAxis(0, 1, 2),
        nibabel.cifti2.BrainModelAxis.from_mask(np.ones(4), "CORTEX_LEFT"),
    )
    image = nibabel.Cifti2Image(np.ones((2, 4), "f4"), axes)
    nibabel.save(image, tmp_path / "in.dtseries.nii")
    with pytest.raises(ThruxError, match="this is a CIFTI file.*-cifti-separate"):
        clean_file(tmp_path / "in.dtseries.nii", tmp_path / "out.dtseries.nii")
    for kind in ("NIfTI", "MGH"):
        with pytest.raises(ThruxError, match="MiB"):
            clean_file(write[kind](series), tmp_path / OUT[kind], limits=Limits(memory=1000))


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(cli.app, [str(word) for word in words])


def test_the_command_says_what_it_did(run, write, series, confounds, tmp_path):
    series[0] = 5
    source, out = write["NIfTI"](series), tmp_path / "out.nii.gz"
    words = [
        "clean",
        source,
        out,
        "--confounds",
        confounds[0],
        "--columns",
        "trans_?, csf",
        "--high-pass",
        0.02,
        "--low-pass",
        0.2,
    ]
    words += ["--order", 1, "--fd-threshold", 1.2, "--standardise", "zscore"]
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert f"Wrote {out}: 12 series of " in result.stdout
    assert "scrubbed), 1 of them constant in IN; " in result.stdout
    assert "detrend (degree 1); fill scrubbed frames linearly; filter (kind Butterworth, " in result.stdout
    assert (
        "regress out confounds (columns 3); drop scrubbed frames; standardise (by zscore); float32."
        in result.stdout
    )
    result = run(*words)
    assert result.exit_code == 1
    assert "--force" in result.stderr
    found = json.loads(run(*words, "--force", "--json").stdout)
    assert found["status"] == "ok"
    assert [step["step"] for step in found["steps"]] == [
        "detrend",
        "fill scrubbed frames linearly",
        "filter",
        "regress out confounds",
        "drop scrubbed frames",
        "standardise",
    ]
    assert found["steps"][2] == {
        "step": "filter",
        "kind": "Butterworth, forward and backward",
        "order": 1,
        "high_pass_hz": 0.02,
        "low_pass_hz": 0.2,
    }
    assert found["input"] == str(source)
    assert found["frames_scrubbed"]
    assert set(found["versions"]) == {"thrux", "nitrix", "jax", "numpy"}


def test_notes_are_given(run, write, series, confounds, tmp_path):
    series[3, 5] = np.nan
    source = write["MGH"](series)
    result = run("clean", source, tmp_path / "o.mgz", "--nan", "zero", "--confounds", confounds[0])
    assert result.exit_code == 0, result.output
    assert "Note: 1 series were NaN or infinite and are 0." in result.stderr
    assert (
        "Note: of 1 confounds the first value was missing and is that of the second frame." in result.stderr
    )


@pytest.mark.fast
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["none.nii", "out.nii"], 1, "cannot be opened"),
        (["a.nii"], 2, "Missing argument"),
        (["a.nii", "b.nii", "--detrend", "-1"], 2, "-1 is no degree from 0 to 10, nor none"),
        (["a.nii", "b.nii", "--detrend", "x"], 2, "x is no degree"),
        (["a.nii", "b.nii", "--tr", "0"], 2, "0 is not a positive number of seconds"),
        (["a.nii", "b.nii", "--fd-threshold", "-1"], 2, "-1 is not a positive number of mm"),
        (["a.nii", "b.nii", "--standardise", "sd"], 2, "'sd' is not one of"),
        (["a.nii", "b.nii", "--order", "11"], 2, "Invalid value for '--order'"),
        (["a.nii", "b.nii", "--nan", "ignore"], 2, "'ignore' is not one of"),
    ],
)
def test_refusals_and_wrong_command_lines(run, words, code, message):
    result = run("clean", *words)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output


def test_help(run):
    result = run("clean", "--help")
    assert result.exit_code == 0
    for text in (
        "in this order",
        "4. the confounds are regressed out",
        "--scrub",
        "--json",
        "Exit codes: 0 done",
    ):
        assert text in result.stdout
