"""Screening: files, folders and ZIPs in; clean pictures, and a verdict for each file, out.

The model of threats. A file may come from anywhere, so these are assumed of it:

=============================  =================================================================
it may                         what stands against it
=============================  =================================================================
attack a decoder               decoding happens in a child process (`child`), fed bytes through a
                               pipe; it can open no file and no socket, write no file, dump no
                               core, and has a bound on memory and CPU time; the parent keeps a
                               clock, and a dead child is one refused file
answer through that child      replies are a bounded JSON head and raw pixels, nothing is
                               unpickled, every field is checked (`guard`)
be a bomb                      pixels are counted in the header before decoding; files, entries of
                               a ZIP, their ratio and the sum of all are counted while they are
                               read; archives within archives are not opened (`intake`)
lead elsewhere by its name     no name becomes a path: a ZIP is never unpacked to the disk, what is
                               kept is written as ``0001.png``; odd names are refused all the same
be a link, a pipe, a device    only regular files are opened, links are not followed
be of another kind             the first bytes and the decoder decide, never the name
carry what is private          fresh pixels alone are written: no EXIF, GPS, text, profile
forbid its use                 PLUS and C2PA marks are read before they are stripped (`marks`)
change after it was judged     the manifest holds the hash of every kept picture; `Manifest.verify`
                               hashes anew, and finds what was added (`manifest`)
=============================  =================================================================

What is not claimed. The child is bounded, not jailed: a decoder that is taken over could still
talk to the kernel. Where the platform has no ``resource`` module (Windows), the clock, the caps on
pixels and the process boundary remain; macOS does not enforce the bound on memory. A ZIP's own
decompression (zlib) runs in the parent, in bounded pieces. The hashes reveal accidents and
additions, not a forgery by someone who may write the manifest too. And a picture that passed is
not "safe": its content was looked at only where the user named a classifier (`content`).
"""

from vae.screening.manifest import (
    CONSENT,
    NOT_SCREENED,
    Consent,
    Manifest,
    ScreeningSettings,
    Verdict,
    image_folder,
    verified_images,
)
from vae.screening.run import preview, screen, screen_paper_preview

__all__ = [
    "CONSENT",
    "NOT_SCREENED",
    "Consent",
    "Manifest",
    "ScreeningSettings",
    "Verdict",
    "image_folder",
    "preview",
    "screen",
    "screen_paper_preview",
    "verified_images",
]
