"""`thrux smooth`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import AsJson, Force, MaxMemory, Nan, Source, Target, checked_width, limits_of, times
from thrux.errors import ThruxError

if TYPE_CHECKING:
    from thrux.filters import Filter


class Method(str, Enum):  # noqa: UP042 (typer shows str enums)
    """Which neighbours a voxel becomes the mean of."""

    gaussian = "gaussian"
    bilateral = "bilateral"
    susan = "susan"
    permutohedral = "permutohedral"


class Mode(str, Enum):  # noqa: UP042
    """How the image goes on past its border."""

    reflect = "reflect"
    mirror = "mirror"
    nearest = "nearest"
    constant = "constant"
    wrap = "wrap"


def smooth(
    source: Source,
    target: Target,
    fwhm: Annotated[
        float | None,
        typer.Option(
            metavar="MM", callback=checked_width, help="Full width of the Gaussian at half its height."
        ),
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(
            metavar="MM", callback=checked_width, help="Its standard deviation, FWHM / 2.355; give one."
        ),
    ] = None,
    method: Annotated[
        Method,
        typer.Option(
            help="gaussian: all near neighbours; bilateral: those that look alike; susan: the same, and "
            "impulse noise is removed; permutohedral: bilateral, approximated on a lattice."
        ),
    ] = Method.gaussian,
    sigma_intensity: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X",
            help="bilateral, permutohedral: how far intensities may differ, as a standard deviation. A number "
            "in the units of IN, or a percentage of its range (2nd to 98th percentile of the first volume, "
            "within the mask) such as 10%. With guides: repeat it, first for IN, then for each guide in its own "
            "units; or give one percentage for all.",
        ),
    ] = None,
    guide: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="bilateral, permutohedral: a further image of the same head on the same grid (T2, FLAIR, ...), "
            "which decides together with IN who is alike; may be repeated.",
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An image on the same grid; where it is 0, voxels take no part and keep their values.",
        ),
    ] = None,
    brightness_threshold: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="susan: intensity that is noise below and an edge above. Default: 0.75 of the median above the "
            "background of the first volume, within the mask; it is reported.",
        ),
    ] = None,
    no_median: Annotated[
        bool, typer.Option("--no-median", help="susan: keep voxels that are like none of their neighbours.")
    ] = False,
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="gaussian: how the image goes on past its border (SciPy's names; constant means 0). "
            "Default: reflect. The other methods take no neighbours from there."
        ),
    ] = None,
    nan: Annotated[
        Nan,
        typer.Option(
            help="Voxels that are NaN or infinite: refuse the file, take them as zero, or ignore them, "
            "that is leave them out of their neighbours' mean and NaN in the output."
        ),
    ] = Nan.refuse,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Smooth an image in space by a Gaussian that is MM millimetres wide, or by a method that keeps edges.

    Voxel sizes come from the header, so a width in mm is right for voxels of any shape. The volumes of a 4-D
    series are smoothed one after the other and never mix, with a few of them in memory at a time.

    bilateral, susan and permutohedral average over neighbours that are near and alike. The time of the first two
    grows with the number of voxels within 2.5 sigma, that of the lattice does not.

    The output keeps header, affine and extensions; its values are float32 (float64 if IN has float64).
    It appears under its name only when it is complete.

    Examples:

        thrux smooth t1.nii.gz t1_smooth.nii.gz --fwhm 4
        thrux smooth bold.nii.gz bold_smooth.nii.gz --fwhm 6 --mode nearest
        thrux smooth zmap.nii.gz zmap_smooth.nii.gz --fwhm 8 --nan ignore --json
        thrux smooth t1.nii t1_b.nii --method bilateral --fwhm 4 --sigma-intensity 10%
        thrux smooth t1.nii t1_b.nii --method bilateral --fwhm 4 --guide t2.nii \
            --sigma-intensity 40 --sigma-intensity 60 --mask brain.nii
        thrux smooth bold.nii bold_s.nii --method susan --fwhm 5 --mask brain.nii

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    if (fwhm is None) == (sigma is None):
        raise typer.BadParameter("give either --fwhm or --sigma, in mm.", param_hint="--fwhm")
    own = {
        "sigma_intensity": sigma_intensity or None,
        "guides": guide or None,
        "brightness_threshold": brightness_threshold,
        "median": False if no_median else None,
        "mode": None if mode is None else mode.value,
    }
    by = _filter_of(method, {"fwhm": fwhm, "sigma": sigma}, own)
    with console.refusals(as_json=as_json):
        from thrux.smoothing import smooth_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Smoothing", total=None)
            report = smooth_file(
                source,
                target,
                method=by,
                mask=mask,
                nan=nan.value,
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.not_finite:
            console.print_left_out(report.not_finite, zero=nan is Nan.zero)
        if report.parameters.get("brightness_threshold_estimated"):
            threshold = report.parameters["brightness_threshold"]
            console.err.print(Text(f"Note: brightness threshold {threshold:.4g}, estimated from the image."))
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
        else:
            how = "" if method is Method.gaussian else f"{method.value}, "
            console.out.print(
                Text(
                    f"Wrote {target}: {times(report.shape)}, voxels of {times(report.spacing_mm)} mm, "
                    f"{how}FWHM {report.fwhm_mm:.4g} mm, {report.dtype}."
                ),
                soft_wrap=True,
            )


_OPTIONS = {  # option of the command line: who has it
    "sigma_intensity": ("--sigma-intensity", (Method.bilateral, Method.permutohedral)),
    "guides": ("--guide", (Method.bilateral, Method.permutohedral)),
    "brightness_threshold": ("--brightness-threshold", (Method.susan,)),
    "median": ("--no-median", (Method.susan,)),
    "mode": ("--mode", (Method.gaussian,)),
}


def _filter_of(method: Method, width: dict[str, float | None], own: Mapping[str, object]) -> Filter:
    """The filter that the options describe; those of other methods are refused by name."""
    given = {name: value for name, value in own.items() if value is not None}
    for name in given:
        option, methods = _OPTIONS[name]
        if method not in methods:
            others = " and ".join(m.value for m in methods)
            raise typer.BadParameter(
                f"it belongs to --method {others}, not to {method.value}.", param_hint=option
            )
    if method in _OPTIONS["sigma_intensity"][1] and "sigma_intensity" not in given:
        raise typer.BadParameter(
            f"--method {method.value} needs it, for instance 10%.", param_hint="--sigma-intensity"
        )
    from thrux import filters  # late, as above

    kinds = {
        Method.gaussian: filters.Gaussian,
        Method.bilateral: filters.Bilateral,
        Method.susan: filters.Susan,
        Method.permutohedral: filters.Permutohedral,
    }
    try:
        return kinds[method](**width, **given)
    except ThruxError as error:
        raise typer.BadParameter(str(error)) from None
