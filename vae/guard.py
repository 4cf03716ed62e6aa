"""Training is a capability: only screened pictures, only with a grant of the local server.

A grant states its caps (images, steps, minutes, disk) and when it expires, signed by a key that
lies in the runs' folder, readable by its owner alone. Nothing that a browser sends makes one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vae.config import MIN_IMAGES
from vae.errors import DatasetError, TrainingError
from vae.utils import write_atomic

if TYPE_CHECKING:
    from vae.screening import Manifest

KEY_FILE = ".key"
WAITING_EACH = 4
"""Runs of one visitor that may wait for their turn."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Caps:
    """The most that one run may take.

    Attributes:
        images: Training and held-out pictures.
        steps: Optimiser steps.
        minutes: Of training steps, extensions included.
        disk: Bytes of the run's folder.
    """

    images: int = 2000
    steps: int = 500_000
    minutes: float = 240.0
    disk: int = 2 * 2**30

    def within(self, other: Caps) -> Caps:
        """Return the lesser of each."""
        names = (field.name for field in fields(Caps))
        return Caps(**{name: min(getattr(self, name), getattr(other, name)) for name in names})

    def sentence(self) -> str:
        """Say the caps before they bite."""
        return (
            f"A run may take up to {self.images:,} images, {self.minutes:g} minutes, "
            f"{self.steps:,} steps and {self.disk / 2**30:.1f} GB of disk."
        )


@dataclass(frozen=True, kw_only=True)
class Grant(Caps):
    """Caps that the local server signed, once for one run.

    Attributes:
        expires: Unix seconds until which a run may be put into the queue with it.
        nonce: Of this grant alone.
        signature: HMAC-SHA256 over all the rest.
    """

    expires: float
    nonce: str
    signature: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Grant:
        """Read what :meth:`to_dict` made.

        Raises:
            TrainingError: Something is missing.
        """
        try:
            return cls(**{f.name: values[f.name] for f in fields(cls)})
        except (KeyError, TypeError) as error:
            raise TrainingError("the grant of this run is damaged; start it again") from error


class Authority:
    """Signs and checks grants with the key in one folder.

    Args:
        folder: Of the runs; the key is made with the first grant.
    """

    def __init__(self, folder: Path):
        self.path = folder / KEY_FILE

    def grant(self, caps: Caps | None = None, *, seconds: float = 3600.0) -> Grant:
        """Hand out a grant.

        Args:
            caps: The most the run may take.
            seconds: How long it may wait to be used.
        """
        chosen = asdict(caps or Caps())
        bare = Grant(**chosen, expires=time.time() + seconds, nonce=secrets.token_hex(16))
        return replace(bare, signature=self._sign(bare, self._key(make=True)))

    def check(self, grant: Grant, *, at: float | None = None) -> None:
        """Raise unless this server handed the grant out, unchanged, and it had not expired.

        Args:
            grant: What is shown.
            at: When it was used, Unix seconds; None is now.

        Raises:
            TrainingError: It is another's, altered, or too old.
        """
        key = self._key(make=False)
        if not key or not hmac.compare_digest(self._sign(grant, key), grant.signature):
            raise TrainingError("this run was not allowed by the server here; start it on the page")
        if (time.time() if at is None else at) > grant.expires:
            raise TrainingError("the permission to train has expired; press Train once more")

    def _key(self, *, make: bool) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            if not make:
                return b""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".key.{secrets.token_hex(6)}.part")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(beside, self.path)  # never over the key of another server just started
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            write_atomic(self.path, beside.read_bytes())
            self.path.chmod(0o600)
        beside.unlink()
        return self.path.read_bytes()

    @staticmethod
    def _sign(grant: Grant, key: bytes) -> str:
        told = {k: v for k, v in grant.to_dict().items() if k != "signature"}
        text = json.dumps(told, sort_keys=True)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def check_manifest(manifest: Manifest, caps: Caps) -> None:
    """Raise unless the pictures are screened, agreed to, of a number allowed, and unchanged.

    Raises:
        DatasetError: Too few or too many, no consent, or a file that differs from its hash.
    """
    kept = len(manifest.kept)
    if kept < MIN_IMAGES:
        raise DatasetError(f"at least {MIN_IMAGES} images are needed, {kept} were kept")
    if kept > caps.images:
        raise DatasetError(f"at most {caps.images:,} images are allowed, {kept:,} were given")
    if manifest.consent is None:
        raise DatasetError("please confirm first that you may use these images")
    manifest.verify()


def train(
    manifest: Manifest,
    grant: Grant,
    *,
    authority: Authority,
    session: Callable[[Manifest, Grant], T],
    at: float | None = None,
) -> T:
    """Run a training session on screened, re-hashed pictures within a grant.

    For a run of the page this is the only way in. Whoever has a shell here may train without:
    ``python -m vae train`` reads a folder as it is.

    Args:
        manifest: Of :func:`vae.screening.screen`, with consent.
        grant: Of the local server.
        authority: That server's.
        session: What trains; it is called with both, once they have been found good.
        at: When the grant was used, Unix seconds; None is now.

    Raises:
        TrainingError: The grant is not good.
        DatasetError: The pictures are not as they were screened.
    """
    authority.check(grant, at=at)
    check_manifest(manifest, grant)
    return session(manifest, grant)
