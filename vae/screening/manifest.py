"""What screening leaves behind: a verdict for each file, and the manifest of a screened folder."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from vae.config import MIN_IMAGES
from vae.errors import ConfigError, DatasetError
from vae.utils import log_timestamp, write_atomic

MANIFEST_FILE = "manifest.json"
IMAGES, THUMBS = "images", "thumbs"
NOT_SCREENED = "not screened for content"
CONSENT = "I confirm that I have the right to use these images to train a world."
CROPS = ("none", "centre", "fit")
_VERSION = 1
_FILE_NAME = re.compile(r"\d{4,6}\.(png|webp)")


@dataclass(frozen=True, kw_only=True)
class ScreeningSettings:
    """What is let in, and what is done to it.

    Attributes:
        min_images: So many must be kept for a world.
        max_images: At most so many are kept; the rest is refused.
        max_bytes: Largest file.
        max_total_bytes: Largest sum of all files that are read.
        max_pixels: Most pixels of a picture, told from its header.
        min_side: Shortest side of a picture, in pixels.
        max_side: Cleaned pictures are shrunk to this longest side, in pixels.
        crop: ``"none"``, ``"centre"`` (the square in the middle) or ``"fit"`` (the subject in the
            middle of a square, with a margin).
        margin: Of "fit", on each side, as a share of the square.
        paper: Remove the paper behind the work.
        classifier: Folder of a local ``transformers`` image-classification model.
        classifier_labels: Labels of it that refuse a picture; empty takes the usual names.
        classifier_threshold: Probability from which a label refuses.
        workers: Child processes that decode; 0 takes as many as there are cores, at most 4.
        cpu_seconds: Of a child, for each picture; wall time is bounded by four times as much.
        memory_bytes: Address space of a child, where the platform can bound it.
    """

    min_images: int = MIN_IMAGES
    max_images: int = 2000
    max_bytes: int = 64 * 2**20
    max_total_bytes: int = 2 * 2**30
    max_pixels: int = 64_000_000
    min_side: int = 64
    max_side: int = 512
    crop: str = "none"
    margin: float = 1 / 16
    paper: bool = False
    classifier: Path | None = None
    classifier_labels: tuple[str, ...] = ()
    classifier_threshold: float = 0.5
    workers: int = 0
    cpu_seconds: int = 20
    memory_bytes: int = 2 * 2**30

    def __post_init__(self) -> None:
        if self.crop not in CROPS:
            raise ConfigError(f"expected the crop {', '.join(CROPS)}, found {self.crop!r}")
        if not 1 <= self.min_images <= self.max_images <= 10_000:
            raise ConfigError("expected 1 ≤ min_images ≤ max_images ≤ 10000")
        if not 8 <= self.min_side <= self.max_side <= 4096:
            raise ConfigError("expected 8 ≤ min_side ≤ max_side ≤ 4096")
        if not 0 <= self.margin < 0.5:
            raise ConfigError(f"expected a margin of 0 to 0.5, found {self.margin!r}")
        for name in ("max_bytes", "max_total_bytes", "max_pixels", "cpu_seconds", "memory_bytes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"expected {name} to be at least 1")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found of one file.

    Attributes:
        name: As the artist knows it, ``"holiday.zip/beach.jpg"``.
        sha256: Of the original bytes; empty where they were not read.
        kept: Whether it may be trained on.
        reasons: Sentences for the artist, one a code.
        codes: Machine words: "unreadable", "format", "too_large", "tiny", "blank", "dark",
            "blurred", "duplicate", "near_duplicate", "do_not_train", "unsafe", "archive",
            "link", "name", "too_many", "crashed", "slow".
        clean: File name of the cleaned PNG in ``images``, of what was kept.
        clean_sha256: Of that file.
        width: Of the original, upright, in pixels; 0 where unknown.
        height: The same.
        thumbnail: File name in ``thumbs``, where the file could be decoded.
    """

    name: str
    sha256: str = ""
    kept: bool = False
    reasons: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    clean: str | None = None
    clean_sha256: str | None = None
    width: int = 0
    height: int = 0
    thumbnail: str | None = None


@dataclass(frozen=True, kw_only=True)
class Consent:
    """Who said when that these very images may be used.

    Attributes:
        sentence: What was confirmed, word for word.
        when: ``vae.utils.log_timestamp``.
        who: Where or by whom: "page", "command line", or a name.
        images: SHA-256 over the hashes of the cleaned images that it was given for.
    """

    sentence: str
    when: str
    who: str
    images: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A screened folder: ``images``, ``thumbs``, and this as ``manifest.json``.

    Attributes:
        folder: Where it is.
        verdicts: One for each file that was looked at, in their order.
        settings: What they were judged by.
        content_screening: Name of the classifier and its labels, or "not screened for content".
        consent: The user's word, or None so far.
        notes: Sentences on the whole, such as what was not looked at.
        created: ``vae.utils.log_timestamp``.
    """

    folder: Path
    verdicts: tuple[Verdict, ...]
    settings: ScreeningSettings = field(default_factory=ScreeningSettings)
    content_screening: str = NOT_SCREENED
    consent: Consent | None = None
    notes: tuple[str, ...] = ()
    created: str = field(default_factory=log_timestamp)

    @property
    def kept(self) -> tuple[Verdict, ...]:
        """The verdicts of the images that may be trained on."""
        return tuple(v for v in self.verdicts if v.kept)

    @property
    def refused(self) -> tuple[Verdict, ...]:
        """The verdicts of the others."""
        return tuple(v for v in self.verdicts if not v.kept)

    @property
    def images(self) -> Path:
        """The folder of the cleaned images, to train on."""
        return self.folder / IMAGES

    @property
    def pictures(self) -> list[Path]:
        """The cleaned images."""
        return [self.images / str(verdict.clean) for verdict in self.kept]

    @property
    def problem(self) -> str | None:
        """Why there can be no world of this, as a sentence, or None."""
        found, needed = len(self.kept), self.settings.min_images
        if found >= needed:
            return None
        some = "no image was" if not found else "1 image was" if found == 1 else f"{found} were"
        return f"At least {needed} images are needed, and {some} kept. Please add some more."

    def digest(self) -> str:
        """Return one SHA-256 over the hashes of the cleaned images, in any order."""
        hashes = sorted(v.clean_sha256 or "" for v in self.kept)
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    def with_consent(self, sentence: str = CONSENT, *, who: str = "") -> Manifest:
        """Return, and save, the manifest with the user's consent to use these very images.

        Raises:
            DatasetError: The sentence is empty.
            OSError: It cannot be written.
        """
        if not sentence.strip():
            raise DatasetError("a consent needs its sentence")
        consent = Consent(sentence=sentence, when=log_timestamp(), who=who, images=self.digest())
        manifest = replace(self, consent=consent)
        manifest.save()
        return manifest

    def save(self) -> Path:
        """Write ``manifest.json`` into the folder, atomically, and return its path."""
        settings = asdict(self.settings)
        if self.settings.classifier is not None:
            settings["classifier"] = self.settings.classifier.name  # no path of this machine
        content = {
            "version": _VERSION,
            "created": self.created,
            "content_screening": self.content_screening,
            "consent": None if self.consent is None else asdict(self.consent),
            "notes": self.notes,
            "settings": settings,
            "verdicts": [asdict(v) for v in self.verdicts],
        }
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        return write_atomic(self.folder / MANIFEST_FILE, text.encode("utf-8", "surrogatepass"))

    @classmethod
    def load(cls, folder: str | Path) -> Manifest:
        """Read the manifest of a screened folder.

        Raises:
            DatasetError: There is none, or it is damaged.
        """
        folder = Path(folder)
        try:
            content = json.loads((folder / MANIFEST_FILE).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise DatasetError(f"{folder} is not a screened folder: it has no manifest") from None
        except (OSError, ValueError) as error:
            raise DatasetError(f"the manifest of {folder} cannot be read") from error
        try:
            return _from_content(folder, content)
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"the manifest of {folder} is damaged: {error}") from error

    def verify(self) -> None:
        """Hash every cleaned image anew and compare; read this before trusting the folder.

        Raises:
            DatasetError: An image is missing, differs, or was never screened; or the consent was
                given for other images. The first such is named.
        """
        for verdict in self.kept:
            path = self.images / str(verdict.clean)
            try:
                found = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError:
                raise DatasetError(f"{path.name} ({verdict.name}) is missing") from None
            if found != verdict.clean_sha256:
                raise DatasetError(f"{path.name} ({verdict.name}) was changed after the screening")
        known = {v.clean for v in self.kept}
        for path in sorted(self.images.rglob("*")):
            if path.relative_to(self.images).as_posix() not in known:
                raise DatasetError(f"{path.name} is among the images, but was never screened")
        if self.consent is not None and self.consent.images != self.digest():
            raise DatasetError("the consent was given for other images; please confirm again")


def _from_content(folder: Path, content: dict[str, Any]) -> Manifest:
    if content["version"] != _VERSION:
        raise ValueError(f"version {content['version']!r} is not known")
    verdicts = tuple(_verdict(row) for row in content["verdicts"])
    settings = dict(content["settings"])
    settings["classifier"] = Path(settings["classifier"]) if settings["classifier"] else None
    settings["classifier_labels"] = tuple(settings["classifier_labels"])
    return Manifest(
        folder=folder,
        verdicts=verdicts,
        settings=ScreeningSettings(**settings),
        content_screening=str(content["content_screening"]),
        consent=None if content["consent"] is None else Consent(**content["consent"]),
        notes=tuple(map(str, content["notes"])),
        created=str(content["created"]),
    )


def _verdict(row: dict[str, Any]) -> Verdict:
    unknown = row.keys() - {f.name for f in fields(Verdict)}
    if unknown:
        raise ValueError(f"a verdict with {', '.join(sorted(unknown))}")
    verdict = Verdict(**{**row, "reasons": tuple(row["reasons"]), "codes": tuple(row["codes"])})
    for name in (verdict.clean, verdict.thumbnail):
        if name is not None and not _FILE_NAME.fullmatch(name):
            raise ValueError(f"the file name {name!r}")
    if verdict.kept and (verdict.clean is None or verdict.clean_sha256 is None):
        raise ValueError(f"{verdict.name} is kept, but has no image")
    return verdict


def image_folder(folder: str | Path) -> Path:
    """Return where the pictures to train on are: ``images`` of a screened folder, else itself."""
    folder = Path(folder)
    return folder / IMAGES if (folder / MANIFEST_FILE).is_file() else folder


def verified_images(folder: str | Path) -> Path:
    """Return `image_folder`, after hashing the images of a screened folder anew.

    Raises:
        DatasetError: It was changed after the screening.
    """
    images = image_folder(folder)
    if images != Path(folder):
        Manifest.load(folder).verify()
    return images
