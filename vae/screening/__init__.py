"""Screening: files, folders and ZIPs in; clean pictures, and a verdict for each file, out."""

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
