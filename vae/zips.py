"""What is common to ZIPs that come from elsewhere: a world's, a batch of pictures."""

from __future__ import annotations

import zipfile
import zlib

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Packings that are read; the others fail in ways of their own."""
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError),
    NotImplementedError,  # a packing that zipfile does not know
    RuntimeError,  # a password
    ValueError,
)
"""What `zipfile` raises, in one place or another, of a ZIP that is none, or is damaged."""
