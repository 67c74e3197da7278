"""Gaussian smoothing along surfaces, of files with maps on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from thrux.atomic import refuse_existing
from thrux.errors import ThruxError
from thrux.limits import MIB, Limits
from thrux.maps import Part, SurfaceMaps, load_maps
from thrux.maps.matching import NamedSurface, load_surfaces, pair
from thrux.options import NanPolicy, check_choice, check_millimetres

ZeroPolicy = Literal["keep", "ignore"]
_AT_ONCE = 64  # maps; more take memory and are no faster
_COPIES = 10  # of the values, while they are smoothed


@dataclass(frozen=True)
class SurfaceSmoothReport:
    """What `smooth_surface_file` did; the numbers of vertices are over all surfaces."""

    input: str
    output: str
    surfaces: dict[str, str]  # by structure, "" where nothing says which
    maps: int
    fwhm_mm: float
    vertices: int
    left_out: int  # by the mask, as zeros, or as NaN in every map
    all_zero: int  # vertices within the mask that are 0 in every map
    not_finite: int  # values within the mask
    unchanged: list[str]  # structures that are in the output as in the input

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)


def smooth_surface_file(
    surfaces: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    fwhm: float,
    mask: str | os.PathLike[str] | None = None,
    nan: NanPolicy = "refuse",
    zeros: ZeroPolicy = "keep",
    structure: str | None = None,
    force: bool = False,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SurfaceSmoothReport:
    """Smooth maps on a surface by the Gaussian of the surface (`nitrix.smoothing.surface_gaussian`).

    Args:
      surfaces: The surface file along which to smooth, or several, one for each hemisphere of a CIFTI file.
        Which is which is said by their metadata, or else by their names (lh.white, hemi-L, left).
      source: The maps, as untrusted input: GIfTI, CIFTI-2 dense scalars or series, or FreeSurfer's MGH.
      target: The file to write, atomically, of the kind of `source`: float32, all else as in `source`.
        Structures of a CIFTI file whose surface is not given are written as they are.
      fwhm: Full width at half maximum in mm.
      mask: A file with one map; where it is 0 or NaN, vertices are left out: nothing flows to or from them, and
        they are 0 in the output.
      nan: What to do with values that are NaN or infinite: "refuse" the file; take them as "zero"; or
        "ignore" them, that is leave these vertices out of these maps and NaN in the output.
      zeros: Vertices that are 0 in every map, the medial wall of many files: "keep" them as data, or "ignore"
        them, that is leave them out and 0 in the output.
      structure: What the only surface is, such as "CORTEX_LEFT", where neither metadata nor name say it.
      force: Replace `target` if it exists.
      limits: What the files may ask for. Default: `Limits()`.
      progress: Called with (maps done, maps in all).
    Raises:
      ThruxError: If a file is refused, if surfaces and maps do not fit, or if the target cannot be written;
        nothing is left behind then.
    """
    limits = limits or Limits()
    check_millimetres("fwhm", fwhm)
    check_choice("nan", nan, NanPolicy)
    check_choice("zeros", zeros, ZeroPolicy)
    maps = load_maps(source, limits=limits)
    target = maps.check_name(target)
    refuse_existing(target, force=force)
    found = load_surfaces(surfaces, structure=structure, limits=limits)
    kept = None if mask is None else load_maps(mask, limits=limits)
    pairs = pair(maps, found)
    results = [part.values for part in maps.parts]
    _check_memory(maps, limits)
    total, done = maps.n_maps * len(pairs), 0
    left_out = all_zero = not_finite = 0
    for number, surface in pairs:
        part = maps.parts[number]
        _check_width(fwhm, surface)
        inside = _inside(part, kept, surface)
        not_finite += _count_not_finite(part, inside, nan, maps)
        zero = (part.values == 0).all(axis=1) & inside
        all_zero += int(zero.sum())
        if zeros == "ignore":
            inside &= ~zero
        results[number], absent = _smooth_part(
            part, inside, surface, fwhm, nan, partial(_tell, progress, done, total)
        )
        left_out += absent
        done += maps.n_maps
    maps.save(target, results, force=force)
    smoothed = {number for number, _ in pairs}
    return SurfaceSmoothReport(
        str(source),
        str(target),
        {surface.structure: str(surface.path) for _, surface in pairs},
        maps.n_maps,
        fwhm,
        sum(len(maps.parts[number].values) for number in smoothed),
        left_out,
        all_zero,
        not_finite,
        [part.structure for n, part in enumerate(maps.parts) if n not in smoothed] + list(maps.others),
    )


def _tell(progress: Callable[[int, int], None] | None, before: int, total: int, done: int) -> None:
    if progress:
        progress(before + done, total)


def _smooth_part(
    part: Part,
    inside: Bool[np.ndarray, " row"],
    surface: NamedSurface,
    fwhm: float,
    nan: NanPolicy,
    progress: Callable[[int], None],
) -> tuple[Float[np.ndarray, "row map"], int]:
    """The smoothed values, and how many vertices were left out of all maps."""
    bad = ~np.isfinite(part.values)
    values = np.where(bad | ~inside[:, None], np.float32(0), part.values)
    absent = ~inside[:, None] | (bad & (nan == "ignore"))
    result = np.empty_like(values)
    # Maps that miss the same vertices are smoothed together; mostly these are all maps.
    patterns, group_of = np.unique(np.packbits(absent, axis=0), axis=1, return_inverse=True)
    done = 0
    for group in range(patterns.shape[1]):
        columns = np.flatnonzero(group_of.reshape(-1) == group)
        missing = absent[:, columns[0]]
        for start in range(0, len(columns), _AT_ONCE):
            at = columns[start : start + _AT_ONCE]
            result[:, at] = _smooth_maps(values[:, at], ~missing, part, surface, fwhm)
            done += len(at)
            progress(done)
    if nan == "ignore":
        result[bad & inside[:, None]] = np.nan
    return result, int(absent.all(axis=1).sum())


def _smooth_maps(
    values: Float[np.ndarray, "row map"],
    present: Bool[np.ndarray, " row"],
    part: Part,
    surface: NamedSurface,
    fwhm: float,
) -> Float[np.ndarray, "row map"]:
    """Maps smoothed along the triangles whose corners are all present; what is absent comes back as it is."""
    from nitrix.smoothing import surface_gaussian

    rows = slice(None) if part.vertices is None else part.vertices
    whole = np.zeros((part.n_vertices, values.shape[1]), np.float32)
    whole[rows] = values
    on_mesh = np.zeros(part.n_vertices, bool)
    on_mesh[rows] = present
    stiffness, mass = surface.operators(on_mesh)
    # One number of columns for nearly all calls, so that there is one compilation.
    padded = np.pad(whole, ((0, 0), (0, -values.shape[1] % _AT_ONCE if values.shape[1] > 1 else 0)))
    try:
        return np.asarray(surface_gaussian(padded, stiffness, mass, fwhm=fwhm))[rows, : values.shape[1]]
    except ValueError as error:
        raise ThruxError(
            f"this surface cannot be smoothed along ({str(error).removeprefix('surface_gaussian: ')})",
            file=surface.path,
            field="triangles",
            remedy="Check the width, and that the surface is in mm and has no degenerate triangles",
        ) from None


def _inside(part: Part, mask: SurfaceMaps | None, surface: NamedSurface) -> Bool[np.ndarray, " row"]:
    """Where the mask is neither 0 nor NaN."""
    if mask is None:
        return np.ones(len(part.values), bool)
    ((number, _),) = pair(mask, [surface])
    chosen = mask.parts[number]
    if mask.n_maps != 1:
        raise ThruxError(
            "a mask is one map",
            file=mask.path,
            field="mask",
            value=f"{mask.n_maps} maps",
            remedy="Give a file with a single map",
        )
    whole = np.zeros(part.n_vertices, bool)
    rows = slice(None) if chosen.vertices is None else chosen.vertices
    whole[rows] = np.nan_to_num(chosen.values[:, 0]) != 0
    inside = whole if part.vertices is None else whole[part.vertices]
    if not inside.any():
        raise ThruxError(
            "it leaves out every vertex of the maps",
            file=mask.path,
            field="mask",
            value="empty",
            remedy="Give a map that is not 0 where values shall be smoothed",
        )
    return inside


def _count_not_finite(part: Part, inside: Bool[np.ndarray, " row"], nan: NanPolicy, maps: SurfaceMaps) -> int:
    count = int((~np.isfinite(part.values[inside])).sum())
    if count and nan == "refuse":
        where = f" of {part.structure}" if len(maps.parts) > 1 else ""
        raise ThruxError(
            f"{count} values{where} are NaN or infinite and would spoil their neighbours",
            file=maps.path,
            field="data",
            remedy="Take them as 0 with --nan zero, or leave them out with --nan ignore",
        )
    return count


def _check_width(fwhm: float, surface: NamedSurface) -> None:
    extent = float(np.ptp(surface.mesh.vertices, axis=0).max())
    if fwhm > extent:
        raise ThruxError(
            f"it is wider than the surface, which spans {extent:.4g} mm",
            file=surface.path,
            field="fwhm",
            value=fwhm,
            remedy="Give a smaller width in mm, and check the surface's unit",
        )


def _check_memory(maps: SurfaceMaps, limits: Limits) -> None:
    largest = max(part.n_vertices for part in maps.parts)
    nbytes = 3 * sum(part.values.nbytes for part in maps.parts) + 4 * largest * _AT_ONCE * _COPIES
    if nbytes > limits.memory:
        raise ThruxError(
            f"smoothing needs {nbytes / MIB:.0f} MiB of memory, of which {limits.memory / MIB:.0f} MiB may be used",
            file=maps.path,
            field="maps",
            value=maps.n_maps,
            remedy="Raise the limit (--max-memory, Limits(memory=...)) or use a larger machine",
        )
