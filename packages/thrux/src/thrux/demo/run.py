"""The nine jobs in a row, and the files that come of them."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from thrux.demo.data import check_packages, load_cortex, load_volume
from thrux.demo.folder import prepare_folder, write
from thrux.demo.race import Race

REPORT, PICTURE, RESULTS = "report.html", "demo.png", "results.json"


@dataclass(frozen=True)
class DemoResult:
    """What the demo found and where it wrote it."""

    report: str
    seconds: float
    races: dict[str, list[Race]]  # by section
    facts: dict[str, list[str]]  # in words, by section
    numbers: dict[str, float | int]
    denoising: list[tuple[str, str, str]]  # method, peak signal to noise, time
    versions: str
    quick: bool

    def as_dict(self) -> dict[str, Any]:
        """Everything, for `--json` and results.json."""
        return {
            "report": self.report,
            "seconds": self.seconds,
            "quick": self.quick,
            "races": [
                {"section": section, **race.as_dict()}
                for section, races in self.races.items()
                for race in races
            ],
            **self.numbers,
            "versions": dict(line.split(": ", 1) for line in self.versions.splitlines() if ": " in line),
        }


def run_demo(
    out: Path,
    *,
    force: bool = False,
    quick: bool = False,
    progress: Callable[[str, float], None] = lambda text, done: None,
) -> DemoResult:
    """Run the demo and write its report.

    Args:
      out: The folder for report.html, demo.png and results.json; made if it is not there.
      force: Write into a folder that is not empty; only these three files are replaced.
      quick: A coarser volume and fewer steps.
      progress: Called with (what is being done, fraction done).
    Raises:
      ThruxError: If a package is missing or the folder is refused.
    """
    began = time.perf_counter()
    prepare_folder(out, force=force)
    check_packages()
    from nitrix import show_versions

    from thrux.demo import (
        cleaning,
        cleaning_pictures,
        connectopy,
        connectopy_pictures,
        denoising,
        denoising_pictures,
        geodesic,
        masking,
        masking_pictures,
        overview,
        pictures,
        registration,
        registration_pictures,
        report,
        resting,
        smoothing,
        tomography,
        volume,
    )

    progress("Reading the MNI152 template and the fsaverage5 surfaces", 0.02)
    image, cortex = load_volume(every=4 if quick else 1), load_cortex()
    progress("Smoothing the template, by nitrix and by SciPy", 0.05)
    rounds = 1 if quick else 3
    smoothed = volume.run(image, rounds=rounds)
    progress("Taking noise away by several methods", 0.15)
    denoised = denoising.run(load_volume(every=2))
    progress("Making a brain mask, by nitrix and by SciPy", 0.2)
    every = 2 if quick else 1
    mask = masking.run(load_volume(every=every), every=every)
    warp_steps = 25 if quick else registration.STEPS
    moved = registration.run(
        load_volume(every=5 if quick else 3),
        steps=warp_steps,
        on_step=lambda step: progress("Finding a hidden warp by gradients", 0.22 + 0.08 * step / warp_steps),
    )
    progress("Smoothing maps along the cortex", 0.3)
    maps = smoothing.run(cortex, rounds=rounds)
    recording, rest, group, embedded = cleaning.find(), None, connectopy.find(), None
    if recording is not None:
        progress("Cleaning a resting-state run, by nitrix and by nilearn", 0.32)
        cleaned = cleaning.run(recording, rounds=1, every=8 if quick else 1)
        rest = resting.run(cleaned, cortex, geodesic.seed_vertex(cortex))
        if group is not None:
            progress("Finding gradients of connectivity", 0.34)
            embedded = connectopy.run(group, cleaned)
    progress("Measuring distances along the cortex", 0.35)
    distance = geodesic.run(cortex, rounds=rounds, sources=8 if quick else geodesic.SOURCES_AT_ONCE)
    steps = 12 if quick else 60
    found = tomography.run(
        cortex,
        distance.distance,
        steps=steps,
        n_sources=6 if quick else 12,
        on_step=lambda step: progress("Learning wave speeds by gradients", 0.4 + 0.35 * step / steps),
    )
    drawings: dict[str, Callable[[], bytes]] = {
        "overview": partial(overview.overview, cortex, smoothed, denoised, mask, distance, found),
        "slices": partial(pictures.slices, smoothed),
        "methods": partial(denoising_pictures.methods_side_by_side, denoised),
        "mask": partial(masking_pictures.mask_and_depth, mask),
        "maps": partial(pictures.smoothed_maps, cortex, maps),
        "warps": partial(registration_pictures.before_and_after, moved),
        "warp_loss": partial(registration_pictures.loss, moved),
        "distance": partial(pictures.distance_map, cortex, distance),
        "speed": partial(pictures.speed_maps, cortex, found),
        "loss": partial(pictures.loss_curve, found),
    }
    if rest is not None:
        drawings["carpets"] = partial(cleaning_pictures.carpets, rest.run)
        drawings["matrices"] = partial(cleaning_pictures.matrices, rest.run)
        drawings["rest"] = partial(pictures.seed_maps, cortex, rest)
    if embedded is not None:
        drawings["gradients"] = partial(connectopy_pictures.maps, embedded)
    figures = {}
    for number, (name, draw) in enumerate(drawings.items()):
        progress("Drawing the pictures", 0.75 + 0.02 * number)
        figures[name] = draw()
    with redirect_stdout(io.StringIO()) as versions:
        show_versions()
    result = DemoResult(
        report=str(out / REPORT),
        seconds=time.perf_counter() - began,
        races={
            "gaussian": smoothed.races,
            "mask": mask.races,
            "maps": maps.races,
            **({} if rest is None else {"cleaning": [rest.run.race]}),
            "distance": distance.races,
        },
        facts={
            "denoising": denoising.facts(denoised),
            "mask": masking.facts(mask),
            "registration": registration.facts(moved),
            **_facts(maps, distance, found),
            **({} if rest is None else {"cleaning": cleaning.facts(rest.run) + resting.facts(rest)}),
            **({} if embedded is None else {"gradients": connectopy.facts(embedded)}),
        },
        numbers={
            **denoising.numbers(denoised),
            **masking.numbers(mask),
            **registration.numbers(moved),
            **_numbers(maps, distance, found),
            **({} if rest is None else cleaning.numbers(rest.run) | resting.numbers(rest)),
            **({} if embedded is None else connectopy.numbers(embedded)),
        },
        denoising=denoising.table(denoised),
        versions=versions.getvalue(),
        quick=quick,
    )
    progress("Writing the report", 0.99)
    write(out / PICTURE, figures["overview"])
    write(out / RESULTS, json.dumps(result.as_dict(), indent=2, allow_nan=False).encode())
    write(out / REPORT, report.page(result, figures).encode())
    return result


def _facts(maps: Any, distance: Any, found: Any) -> dict[str, list[str]]:
    """Sentences for the report, by section."""
    by_width = ", ".join(f"{r:.2f} at {fwhm:g} mm" for fwhm, r in maps.correlation.items() if fwhm)
    smoothing = [
        f"With the depth before noise the noisy map correlates at {maps.correlation[0.0]:.2f}, the smoothed ones "
        f"at {by_width}."
    ]
    settled = (
        f"Distances settled after {distance.products} min-plus products; the farthest vertex is "
        f"{distance.distance.max():.0f} mm away."
    )
    learning = [
        f"Gradient descent took the error of the arrival times from {found.losses[0]:.1f} to "
        f"{found.losses[-1]:.2f} ms² in {len(found.losses) - 1} steps; found and hidden log speeds correlate "
        f"at {found.correlation:.3f}.",
        f"Slope of that error by jax.grad {found.gradient:.6g}; by central differences through SciPy's "
        f"Dijkstra in float64 {found.gradient_by_differences:.6g}.",
    ]
    return {"smoothing": smoothing, "distance": [settled], "learning": learning}


def _numbers(maps: Any, distance: Any, found: Any) -> dict[str, float | int]:
    from thrux.demo.tomography import NOISE_MS

    return {
        **{f"depth_correlation_{fwhm:g}_mm": r for fwhm, r in maps.correlation.items()},
        "min_plus_products": distance.products,
        "farthest_vertex_mm": float(distance.distance.max()),
        "sources": len(found.sources),
        "noise_ms": NOISE_MS,
        "loss_first_ms2": float(found.losses[0]),
        "loss_last_ms2": float(found.losses[-1]),
        "speed_correlation": found.correlation,
        "slope_by_grad": found.gradient,
        "slope_by_differences": found.gradient_by_differences,
    }
