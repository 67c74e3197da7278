"""Draws the picture of gradients of connectivity: `python docs/pictures/gradients.py`; needs the package brainspace."""

from cleaning import save
from thrux.demo import cleaning, connectopy, connectopy_pictures


def main():
    """The gradients of a group by parcels, and those of one person by vertices."""
    recording, group = cleaning.find(), connectopy.find()
    assert recording is not None, "pip install --no-deps brainspace"
    assert group is not None, "pip install --no-deps brainspace"
    found = connectopy.run(group, cleaning.run(recording, rounds=1, every=64))
    save(connectopy_pictures.maps(found), "gradients.png", colours=192)


if __name__ == "__main__":
    main()
