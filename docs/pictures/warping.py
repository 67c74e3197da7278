"""Draws the picture of a registration: `python docs/pictures/warping.py`; needs nilearn and matplotlib."""

from cleaning import save
from thrux.demo import registration, registration_pictures
from thrux.demo.data import load_volume


def main():
    """A hidden warp of the MNI152 template, and the warp that gradient descent finds."""
    found = registration.run(load_volume(every=3))
    save(registration_pictures.before_and_after(found), "warping.png", colours=256)


if __name__ == "__main__":
    main()
