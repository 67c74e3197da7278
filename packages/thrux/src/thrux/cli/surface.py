"""`thrux surface smooth` and `thrux surface geodesic`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from thrux.cli import console
from thrux.cli.options import AsJson, Force, MaxMemory, Nan, Width, checked_width, limits_of


class Zeros(str, Enum):  # noqa: UP042 (typer shows str enums)
    """What to do with vertices that are 0 in every map."""

    keep = "keep"
    ignore = "ignore"


class Side(str, Enum):  # noqa: UP042
    """Which hemisphere a surface is."""

    left = "left"
    right = "right"


_SURFACE = "The surface: GIfTI (.surf.gii), or FreeSurfer's own format (lh.white)."


def smooth(
    surface: Annotated[Path, typer.Argument(metavar="SURF", help=_SURFACE)],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="The maps: .func.gii, .shape.gii, .dscalar.nii, .dtseries.nii, .mgh or .mgz.",
        ),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, of the kind of DATA.")],
    fwhm: Width,
    other: Annotated[
        Path | None,
        typer.Option(metavar="SURF", help="The surface of the other hemisphere, for a CIFTI file with both."),
    ] = None,
    structure: Annotated[
        Side | None,
        typer.Option(help="Which hemisphere SURF is, where neither its metadata nor its name say it."),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="ROI", help="A map that is 0 where vertices shall be left out; they are 0 in the output."
        ),
    ] = None,
    nan: Annotated[
        Nan,
        typer.Option(
            help="Values that are NaN or infinite: refuse the file, take them as zero, or ignore them, "
            "that is leave their vertices out of these maps and NaN in the output."
        ),
    ] = Nan.refuse,
    zeros: Annotated[
        Zeros,
        typer.Option(
            help="Vertices that are 0 in every map, often the medial wall: keep them as data, or ignore "
            "them, that is leave them out and 0 in the output."
        ),
    ] = Zeros.keep,
    force: Force = False,
    as_json: AsJson = False,
    max_memory: MaxMemory = None,
) -> None:
    """Smooth maps on a surface by a Gaussian along the surface that is MM millimetres wide.

    Heat flows along the triangles of SURF until it has spread by MM, so that what lies on two banks of a fold
    does not mix. Vertices that are left out are cut out of the surface: nothing flows to or from them, and a
    constant stays a constant.

    Of a CIFTI file with both hemispheres, those are smoothed whose surfaces are given (--other); all else is
    in OUT as in DATA. Maps, time points and metadata are kept; values are float32. OUT appears under its name
    only when it is complete.

    Examples:

        thrux surface smooth lh.midthickness.surf.gii lh.thickness.shape.gii out.shape.gii --fwhm 10
        thrux surface smooth lh.white rest.lh.mgz rest_s6.lh.mgz --fwhm 6 --zeros ignore
        thrux surface smooth L.surf.gii rest.dtseries.nii s4.dtseries.nii --fwhm 4 --other R.surf.gii

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    with console.refusals(as_json=as_json):
        from thrux.surface_smoothing import smooth_surface_file  # late: JAX is not needed to print the help

        with console.progress_bar() as bar:
            task = bar.add_task("Smoothing", total=None)
            report = smooth_surface_file(
                [surface] if other is None else [surface, other],
                source,
                target,
                fwhm=fwhm,
                mask=mask,
                nan=nan.value,
                zeros=zeros.value,
                structure=None if structure is None else f"CORTEX_{structure.value.upper()}",
                force=force,
                limits=limits_of(max_memory),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if report.not_finite:
            how = "taken as 0" if nan is Nan.zero else "left out"
            console.err.print(Text(f"Note: {report.not_finite} values were NaN or infinite and {how}."))
        if report.all_zero > 1 and zeros is Zeros.keep and mask is None:
            console.err.print(
                Text(
                    f"Note: {report.all_zero} vertices are 0 in every map and were taken as data; if they are the "
                    "medial wall, use --zeros ignore."
                )
            )
        if report.unchanged:
            console.err.print(Text(f"Note: left as they are: {', '.join(report.unchanged)}."))
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
        else:
            left_out = f" ({report.left_out} of them left out)" if report.left_out else ""
            console.out.print(
                Text(
                    f"Wrote {target}: {report.maps} map{'s' * (report.maps > 1)} of {report.vertices} "
                    f"vertices{left_out}, FWHM {fwhm:g} mm along the surface, float32."
                ),
                soft_wrap=True,
            )


def geodesic(
    surface: Annotated[Path, typer.Argument(metavar="SURF", help=_SURFACE)],
    sources: Annotated[
        list[int],
        typer.Option(
            "--from",
            metavar="VERTEX",
            min=0,
            help="Where to start, counted from 0; repeat it for the nearest of several.",
        ),
    ],
    to: Annotated[
        list[int] | None,
        typer.Option(
            "--to", metavar="VERTEX", min=0, help="Print the distance of this vertex; may be repeated."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A .shape.gii file to write with the distance of every vertex."),
    ] = None,
    radius: Annotated[
        float | None,
        typer.Option(
            metavar="MM",
            callback=checked_width,
            help="Count the vertices that are not farther; those beyond are NaN in FILE.",
        ),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Measure distances in mm along a surface, from one vertex or from the nearest of several.

    A distance is the length of the shortest path along edges of the mesh: exact for such paths, which
    are longer than the shortest lines across the faces (by 7 % on average on an even mesh of a sphere).
    Vertices that no path leads to are NaN in FILE.

    Examples:

        thrux surface geodesic lh.white --from 4920 --to 120
        thrux surface geodesic lh.midthickness.surf.gii --from 4920 --out distance.shape.gii
        thrux surface geodesic lh.white --from 10 --from 99 --radius 20 --out roi.shape.gii --json

    Exit codes: 0 done; 1 a file or the place for the output is refused; 2 wrong command line; 3 error in
    thrux.
    """
    with console.refusals(as_json=as_json):
        from thrux.surface_geodesic import surface_distance_file  # late: JAX is not needed to print the help

        report = surface_distance_file(
            surface, sources=sources, to=to or [], target=out, radius=radius, force=force
        )
        if as_json:
            console.print_json({"status": "ok", **report.as_dict()})
            return
        lines = [f"Vertex {v['vertex']}: {_mm(v['distance_mm'])}" for v in report.to]
        if radius is not None:
            lines.append(f"{report.within} of {report.vertices} vertices are within {radius:g} mm.")
        if report.reached < report.vertices:
            lines.append(
                f"No path leads to {report.vertices - report.reached} of {report.vertices} vertices."
            )
        lines.append(f"The farthest is vertex {report.farthest}: {_mm(report.farthest_mm)}")
        if out is not None:
            lines.append(f"Wrote {out}.")
        for line in lines:
            console.out.print(Text(line), soft_wrap=True)


def _mm(distance: float | int | None) -> str:
    return "no path leads there" if distance is None else f"{distance:.2f} mm"
