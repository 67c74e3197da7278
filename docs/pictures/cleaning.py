"""Draws the pictures of the page on cleaning: `python docs/pictures/cleaning.py`; needs the package brainspace."""

import io
from pathlib import Path

from PIL import Image
from thrux.demo import cleaning, cleaning_pictures

IMAGES = Path(__file__).parents[1] / "images"


def main():
    """A resting-state run before and after, and how its parcels go together."""
    recording = cleaning.find()
    assert recording is not None, "pip install --no-deps brainspace"
    result = cleaning.run(recording, rounds=1, every=64)
    save(cleaning_pictures.carpets(result), "cleaning-carpet.png", colours=24)
    save(cleaning_pictures.matrices(result), "cleaning-matrices.png", colours=256)


def save(picture, name, *, colours):
    """On white, with few colours, so that the file is small."""
    image = Image.open(io.BytesIO(picture))
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image.convert("RGBA"))
    page.convert("RGB").quantize(colours, kmeans=2).save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
