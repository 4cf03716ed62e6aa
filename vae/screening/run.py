"""`screen`: sources in, a screened folder out; and `preview` for one picture."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vae.errors import DatasetError, ImageError
from vae.screening.content import ContentCheck, load_check
from vae.screening.guard import Decoded, DecodeGuard
from vae.screening.intake import Intake, Item, Refused
from vae.screening.manifest import (
    IMAGES,
    THUMBS,
    Manifest,
    ScreeningSettings,
    Verdict,
)
from vae.screening.quality import Likenesses, likeness_of
from vae.screening.reasons import REASONS, public_code
from vae.utils import sync_folder, sync_tree

THUMB_SIDE = 128
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
_MOST_WORKERS = 4
_DEFAULT = ScreeningSettings()


def screen(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    settings: ScreeningSettings = _DEFAULT,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Look at every file, and write the clean pictures of those that are kept.

    The folder appears whole or not at all: ``images/NNNN.png`` (straight RGBA, nothing but
    pixels), ``thumbs/NNNN.webp``, ``manifest.json``.

    Args:
        sources: Files, folders and ZIPs.
        out: A folder that does not exist yet, or is empty.
        settings: What is let in, and what is done to it.
        progress: Called with (looked at, all).

    Raises:
        DatasetError: There is nothing to look at, or `out` is not empty.
        ConfigError: The content check cannot be used.
        OSError: The folder cannot be written.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out} is not empty; choose another folder for the screened images")
    check, content, notes = load_check(settings)
    part = out.absolute().with_name(f".{out.absolute().name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with Intake(sources, settings) as intake, _Decoders(settings) as decoders:
            if not intake.items:
                raise DatasetError("there is no file to screen in what was named")
            (part / IMAGES).mkdir(parents=True)
            (part / THUMBS).mkdir()
            judge = _Judge(part, settings, check)
            for done, (item, read) in enumerate(decoders.run(intake.items), start=1):
                judge.add(item.name, read)
                if progress is not None:
                    progress(done, len(intake.items))
            notes = [*intake.notes, *decoders.notes, *notes]
        manifest = Manifest(
            folder=part,
            verdicts=tuple(judge.verdicts),
            settings=settings,
            content_screening=content,
            notes=tuple(notes),
        )
        manifest.save()
        sync_tree(part)
        if out.exists():
            out.rmdir()
        part.rename(out)
        sync_folder(out.absolute().parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return replace(manifest, folder=out)


_Read = tuple[str, Decoded]
"""SHA-256 of the bytes, empty where they were not read; and what was found in them."""


class _Decoders:
    """A few threads, each with a child of its own; results come in the order of the items."""

    def __init__(self, settings: ScreeningSettings) -> None:
        count = settings.workers or min(_MOST_WORKERS, os.cpu_count() or 1)
        self.settings = settings
        self.notes: list[str] = []
        self._count = count
        self._local = threading.local()
        self._guards: list[DecodeGuard] = []
        self._pool = ThreadPoolExecutor(count)

    def __enter__(self) -> _Decoders:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        for guard in self._guards:
            guard.close()

    def run(self, items: Sequence[Item]) -> Iterator[tuple[Item, _Read]]:
        """Yield every item with what became of it, reading only a few ahead."""
        waiting: deque[tuple[Item, Future[_Read] | _Read]] = deque()
        for item in items:
            waiting.append((item, self._begin(item)))
            while len(waiting) > 2 * self._count:
                yield self._finish(*waiting.popleft())
        while waiting:
            yield self._finish(*waiting.popleft())

    def _begin(self, item: Item) -> Future[_Read] | _Read:
        try:
            data = item.read()
        except Refused as refused:
            return "", Decoded((refused.code,))
        if not data.startswith(_MAGIC):
            return hashlib.sha256(data).hexdigest(), Decoded(("format",))
        return self._pool.submit(self._decode, data)

    @staticmethod
    def _finish(item: Item, begun: Future[_Read] | _Read) -> tuple[Item, _Read]:
        return item, begun.result() if isinstance(begun, Future) else begun

    def _decode(self, data: bytes) -> _Read:
        guard = getattr(self._local, "guard", None)
        if guard is None:
            guard = self._local.guard = DecodeGuard(self.settings)
            self._guards.append(guard)
        decoded = guard.decode(data)
        if not guard.reads_c2pa and not self.notes:
            self.notes.append(_NO_C2PA)
        return hashlib.sha256(data).hexdigest(), decoded


_NO_C2PA = (
    "The library c2pa-python is not installed: C2PA marks were looked for in the bytes alone, "
    "and their signatures were not checked."
)


class _Judge:
    """Takes what was decoded, decides, and writes what is kept."""

    def __init__(
        self, folder: Path, settings: ScreeningSettings, check: ContentCheck | None
    ) -> None:
        self.verdicts: list[Verdict] = []
        self._folder = folder
        self._settings = settings
        self._check = check
        self._kept = 0
        self._by_hash: dict[str, str] = {}
        self._likenesses = Likenesses()

    def add(self, name: str, read: _Read) -> None:
        """Judge one file."""
        sha256, decoded = read
        codes, facts = list(decoded.codes), self._facts(decoded)
        thumbnail = None
        if decoded.pixels is not None:
            thumbnail = self._write_thumbnail(decoded.pixels)
            if not codes:
                codes += self._compare(name, sha256, decoded.pixels, facts)
        verdict = self._verdict(name, sha256, codes, facts)
        verdict = replace(verdict, width=decoded.width, height=decoded.height, thumbnail=thumbnail)
        if not codes and decoded.pixels is not None:
            verdict = self._keep(verdict, decoded.pixels)
        self.verdicts.append(verdict)

    def _facts(self, decoded: Decoded) -> dict[str, Any]:
        millions = round(decoded.width * decoded.height / 1e6)
        return {
            "width": decoded.width,
            "height": decoded.height,
            "millions": millions,
            "marks": ", ".join(decoded.marks),
        }

    def _compare(
        self, name: str, sha256: str, pixels: np.ndarray, facts: dict[str, Any]
    ) -> list[str]:
        """Return what is wrong with a picture beside the others; remember it if nothing is."""
        pixel_hash = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
        twin = self._by_hash.get(sha256) or self._by_hash.get(pixel_hash)
        if twin is not None:
            facts["other"] = twin
            return ["duplicate"]
        likeness = likeness_of(pixels)
        near = self._likenesses.find(likeness)
        if near is not None:
            facts["other"] = near
            return ["near_duplicate"]
        if self._kept >= self._settings.max_images:
            return ["too_many"]
        label = None if self._check is None else self._check.refused_label(pixels)
        if label is not None:
            facts["label"] = label
            return ["unsafe"]
        self._by_hash[sha256] = self._by_hash[pixel_hash] = name
        self._likenesses.add(name, likeness)
        return []

    def _verdict(
        self, name: str, sha256: str, codes: Sequence[str], facts: dict[str, Any]
    ) -> Verdict:
        settings = self._settings
        known = {
            "most": settings.max_pixels // 1_000_000,
            "megabytes": settings.max_bytes // 2**20,
            "gigabytes": round(settings.max_total_bytes / 2**30, 1),
            "side": settings.min_side,
        }
        if "too_many" in codes:
            known["most"] = settings.max_images
        words = [REASONS.get(c, REASONS["crashed"]).format(**known, **facts) for c in codes]
        public = [public_code(c) if c in REASONS else "crashed" for c in codes]
        return Verdict(
            name=name,
            sha256=sha256,
            kept=not codes,
            reasons=tuple(dict.fromkeys(words)),
            codes=tuple(dict.fromkeys(public)),
        )

    def _keep(self, verdict: Verdict, pixels: np.ndarray) -> Verdict:
        self._kept += 1
        name = f"{self._kept:04d}.png"
        data = _encoded(pixels, "PNG")
        (self._folder / IMAGES / name).write_bytes(data)
        return replace(verdict, clean=name, clean_sha256=hashlib.sha256(data).hexdigest())

    def _write_thumbnail(self, pixels: np.ndarray) -> str:
        name = f"{len(self.verdicts) + 1:04d}.webp"
        image = Image.fromarray(pixels).convert("RGBa")
        image.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BOX)
        small = np.asarray(image.convert("RGBA"))
        (self._folder / THUMBS / name).write_bytes(_encoded(small, "WEBP"))
        return name


def _encoded(pixels: np.ndarray, format: str) -> bytes:  # noqa: A002
    """Return fresh pixels as the bytes of a file that holds nothing else."""
    buffer = io.BytesIO()
    settings = {"PNG": {"compress_level": 4}, "WEBP": {"quality": 80, "method": 2}}[format]
    Image.fromarray(pixels).save(buffer, format, **settings)
    return buffer.getvalue()


def preview(data: bytes, settings: ScreeningSettings = _DEFAULT) -> tuple[np.ndarray, np.ndarray]:
    """Return one picture as it came and as it would be trained on.

    Args:
        data: The bytes of a PNG, JPEG or WebP file.
        settings: Paper and crop are applied; nothing is refused for its looks.

    Returns:
        Two straight uint8 arrays (H, W, 4), of at most ``settings.max_side``.

    Raises:
        ImageError: It cannot be decoded; a sentence for the artist.
    """
    if len(data) > settings.max_bytes or not data.startswith(_MAGIC):
        code = "too_many_bytes" if data.startswith(_MAGIC) else "format"
        raise ImageError(REASONS[code].format(megabytes=settings.max_bytes // 2**20))
    with DecodeGuard(settings) as guard:
        decoded = guard.decode(data, before=True)
    if decoded.pixels is None or decoded.before is None:
        millions = round(decoded.width * decoded.height / 1e6)
        reason = REASONS.get(decoded.codes[0], REASONS["crashed"])
        raise ImageError(reason.format(millions=millions, most=settings.max_pixels // 1_000_000))
    return decoded.before, decoded.pixels


def screen_paper_preview(
    data: bytes, settings: ScreeningSettings = _DEFAULT
) -> tuple[np.ndarray, np.ndarray]:
    """Return one picture with and without its paper; see `preview`."""
    return preview(data, replace(settings, paper=True))
