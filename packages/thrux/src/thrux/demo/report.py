"""The report: one HTML page with everything in it."""

from __future__ import annotations

import base64
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from thrux.demo.race import Race

if TYPE_CHECKING:
    from thrux.demo.run import DemoResult

CAPTIONS = {
    "overview": "Five of the nine jobs at a glance.",
    "slices": "The template as it is and at two widths: the wider the Gaussian, the larger what melts away.",
    "methods": "One slice of the template with noise, after each method, and before noise; below, what is left of the "
    "noise and what was lost with it: the Gaussian loses the edges.",
    "mask": "The template, seen from above and from the front, with the outline of the mask after the threshold, after "
    "opening and closing, and after filling: red is what a step took away, green what it added. On the right, how "
    "deep each voxel of the last mask lies.",
    "maps": "Sulcal depth with noise as strong as itself, on the inflated hemisphere, and smoothed at two widths.",
    "carpets": "Some hundred vertices of both hemispheres, a row each, over the run; bands across all rows are what "
    "the whole cortex does at a time, movement among it. Grey columns are frames that a confound takes out.",
    "matrices": "Correlation of 84 parcels of both hemispheres before and after cleaning, and partial correlation, in "
    "which what other parcels explain is left out. Each is coloured to its largest entry.",
    "rest": "Correlation in time with a vertex in the hand area (black): in the run as it is, after cleaning, and "
    "after smoothing of the cleaned run along the cortex; the medial wall is grey.",
    "warps": "The template; the target, which is the template through a hidden warp, with noise; and the template "
    "through the warp that was found from these two. Green lines are every fifth plane of the template's voxels. On "
    "the right, what the target differs by before and after.",
    "warp_loss": "Mean squared difference of the target and the warped template, brightest voxel 1, at each step.",
    "gradients": "From both sides of both hemispheres: the first two gradients of a group, by parcels; below, the "
    "first one of a single person, by vertices. Along the first, the senses and movement lie at one end, and regions "
    "that are far from both at the other.",
    "distance": "Distance from a vertex in the hand area of the motor cortex (red); white lines every 20 mm.",
    "speed": "Wave speed on the inflated hemisphere: the first guess, what was learned from arrival times, "
    "and the truth, which the learning never saw.",
    "loss": "Mean squared error of the arrival times at each step.",
}


def page(result: DemoResult, figures: dict[str, bytes]) -> str:
    """The page; it loads nothing from elsewhere."""
    shown = {name: _figure(png, CAPTIONS[name]) for name, png in figures.items()}
    return Template(_text("report.html")).substitute(
        shown,
        style=_text("report.css"),
        cleaning=_cleaning(result, shown),
        connectopy=_connectopy(result, shown),
        denoising_table=_plain_table(("Method", "PSNR", "Time"), result.denoising),
        **{f"{section}_table": _table(races, rival="SciPy") for section, races in result.races.items()},
        **{f"{section}_facts": _list(lines) for section, lines in result.facts.items()},
        sources=result.numbers["sources"],
        noise=result.numbers["noise_ms"],
        rounds=result.races["gaussian"][0].rounds,
        versions=escape(result.versions.strip()),
        kind="Quick" if result.quick else "Full",
        seconds=f"{result.seconds:.0f}",
    )


def _cleaning(result: DemoResult, shown: dict[str, str]) -> str:
    """The section on a run, or what to install for it."""
    if "cleaning" not in result.races:
        return _text("no_recording.html")
    return Template(_text("cleaning.html")).substitute(
        shown,
        cleaning_table=_table(result.races["cleaning"], rival="nilearn"),
        cleaning_facts=_list(result.facts["cleaning"]),
    )


def _connectopy(result: DemoResult, shown: dict[str, str]) -> str:
    """The section on gradients, or what to install for it."""
    if "gradients" not in result.facts:
        return _text("no_gradients.html")
    return Template(_text("gradients.html")).substitute(
        shown, gradients_facts=_list(result.facts["gradients"])
    )


def milliseconds(seconds: float) -> str:
    """A time in ms, with three digits."""
    value = 1000 * seconds
    return f"{value:.0f} ms" if value >= 100 else f"{value:.3g} ms"


def _text(name: str) -> str:
    return resources.files("thrux.demo").joinpath(name).read_text(encoding="utf-8")


def _figure(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    text = escape(caption, quote=True)
    image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def _table(races: list[Race], *, rival: str) -> str:
    heads = ("Job", "nitrix", rival, f"{rival} / nitrix", "Compiling, once", "Largest difference")
    return _rows(heads, [_row(race) for race in races])


def _plain_table(heads: tuple[str, ...], cells: list[tuple[str, str, str]]) -> str:
    return _rows(heads, ["<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in cells])


def _rows(heads: tuple[str, ...], rows: list[str]) -> str:
    return (
        '<div class="scroll"><table><thead><tr>'
        + "".join(f"<th>{head}</th>" for head in heads)
        + "</tr></thead><tbody>"
        + "".join(rows)
        + "</tbody></table></div>"
    )


def _row(race: Race) -> str:
    cells = (
        f"{escape(race.job)}<small>{escape(race.size)}; {escape(race.rival)}</small>",
        milliseconds(race.nitrix_s),
        milliseconds(race.rival_s),
        f"<b>{race.ratio:.3g} &times;</b>",
        f"{race.compile_s:.2f} s",
        f"{race.largest_difference:.2g}<small>of {race.largest_value:.4g} {escape(race.unit)}</small>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
