"""A world on its way out: pieces of one ZIP, all of the same one."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path

from vae.errors import CheckpointError
from vae.ui.train_staging import PIECE_BYTES
from vae.ui.words import TRAIN

HELD_SECONDS = 120.0
"""How long a ZIP is held in memory after a piece of it was asked for, and no other."""
MOST_HELD = 2


class Packer:
    """Packs worlds, and holds a ZIP for as long as its pieces are asked for.

    Args:
        worlds: Folder of the worlds.
        seconds: How long it waits for the next piece.
    """

    def __init__(self, worlds: Path, seconds: float = HELD_SECONDS) -> None:
        self.worlds, self.seconds = worlds, seconds
        self.held: OrderedDict[tuple[str, str], bytes] = OrderedDict()  # by name and digest
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def piece(self, name: str, offset: int, digest: str = "") -> tuple[bytes, int, str]:
        """Return a piece of a world's ZIP, the ZIP's size in bytes, and its digest.

        Args:
            name: Of a world that is here.
            offset: Bytes that were given before; 0 packs it anew.
            digest: Of the ZIP those were of.

        Raises:
            CheckpointError: It is no world, or has changed since the first piece.
        """
        with self._lock:
            packed = self.held.get((name, digest)) if offset else None
            if packed is None:
                packed, fresh = self._pack(name)
                if offset and fresh != digest:
                    raise CheckpointError(TRAIN["repacked"])
                digest = fresh
            end = offset + PIECE_BYTES
            self._hold((name, digest), packed if end < len(packed) else None)
            return packed[offset:end], len(packed), digest

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self.held.clear()
            if self._timer is not None:
                self._timer.cancel()

    def _pack(self, name: str) -> tuple[bytes, str]:
        from vae.archive import export_world

        packed = export_world(self.worlds / name)
        return packed, hashlib.sha256(packed).hexdigest()[:16]

    def _hold(self, key: tuple[str, str], packed: bytes | None) -> None:
        """Hold a ZIP for the next piece; after the last one there is nothing to hold."""
        self.held.pop(key, None)
        if packed is not None:
            self.held[key] = packed
            while len(self.held) > MOST_HELD:
                self.held.popitem(last=False)
        if self._timer is not None:
            self._timer.cancel()
        if self.held:
            self._timer = threading.Timer(self.seconds, self.clear)
            self._timer.daemon = True
            self._timer.start()
