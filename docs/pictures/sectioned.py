"""Draws the picture of the page on sparse matrices: `python docs/pictures/sectioned.py` (needs matplotlib, Pillow)."""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

matplotlib.use("agg")
import matplotlib.pyplot as plt
from nitrix.sparse import ell_from_edges, sectioned_ell_from_edges

PICTURE = Path(__file__).resolve().parent.parent / "images" / "sectioned.png"
VERTICES, MEDIAN, LARGEST = 20_000, 12, 240
ENTRIES, SECTIONED, FLAT = "#3b6ea5", "#8fc7a6", "#f0c9c0"


def matrices():
    """The same graph of log-normal degrees in both forms."""
    rng = np.random.default_rng(0)
    degree = np.round(MEDIAN * np.exp(0.7 * rng.normal(size=VERTICES))).astype(int).clip(1, LARGEST)
    degree[7] = LARGEST
    rows = np.repeat(np.arange(VERTICES), degree)
    cols = rng.integers(0, VERTICES, len(rows))
    shape = (VERTICES, VERTICES)
    return degree, ell_from_edges(rows, cols, shape=shape), sectioned_ell_from_edges(rows, cols, shape=shape)


def main():
    degree, flat, sectioned = matrices()
    assert np.median(degree) == MEDIAN
    assert degree.max() == LARGEST == flat.k_max
    order = np.argsort(-degree, kind="stable")
    width = np.empty(VERTICES, int)
    for section, rows in zip(sectioned.sections, sectioned.row_groups, strict=True):
        width[np.asarray(rows)] = section.k_max

    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.2), layout="constrained", width_ratios=(3, 2))
    rank = np.arange(1, VERTICES + 1)
    of_rows = [
        (np.full(VERTICES, flat.k_max), FLAT, "flat: every row as wide as the longest"),
        (width[order], SECTIONED, f"sectioned: {sectioned.n_buckets} widths"),
        (degree[order], ENTRIES, "entries"),
    ]
    for height, colour, label in of_rows:
        axes[0].fill_between(rank, height, 1, color=colour, step="mid", lw=0, label=label)
    ticks = [1, 3, 12, 48, 240]
    axes[0].set(xlabel="row, from the longest", ylabel="slots of the row", yscale="log", ylim=(1, 300))
    axes[0].set(xlim=(1, VERTICES), xscale="log", yticks=ticks, yticklabels=ticks)
    axes[0].set_xticks([1, 10, 100, 1000, 10_000], ["1", "10", "100", "1,000", "10,000"])
    axes[0].minorticks_off()
    axes[0].legend(loc="lower left", fontsize=8, framealpha=0.95)

    entries, slots = int(degree.sum()), flat.n_rows * flat.k_max
    sizes = [slots, sectioned.total_storage, entries]
    bars = axes[1].barh(["flat", "sectioned", "entries"], sizes, color=[FLAT, SECTIONED, ENTRIES])
    words = [f"{size:,}  ({size / entries:.2f} x)" for size in sizes]
    axes[1].bar_label(bars, words, padding=3, fontsize=8)
    axes[1].invert_yaxis()
    axes[1].set(xlabel="slots stored, millions", xlim=(0, 1.45 * slots))
    axes[1].set_xticks(range(0, 5_000_001, 1_000_000), range(6))
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=100)
    with Image.open(PICTURE) as picture:
        few = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    few.save(PICTURE, optimize=True)
    print(dict(zip(("flat", "sectioned", "entries"), sizes, strict=True)), "sections:", sectioned.n_buckets)
    print([(section.k_max, section.n_rows) for section in sectioned.sections])


if __name__ == "__main__":
    main()
