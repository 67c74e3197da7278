"""GIfTI files: surfaces, and maps of values on them."""

from thrux.gifti.reader import GiftiArray as GiftiArray
from thrux.gifti.reader import GiftiFile as GiftiFile
from thrux.gifti.reader import read_gifti as read_gifti
from thrux.gifti.writer import write_gifti as write_gifti
