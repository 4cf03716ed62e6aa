"""Details sent once: while a hand drags, a request names the picture it keeps, and sends it not.

A picture whose detail is kept takes 10 to 60 kB in every request, thirty times a second. So the
answer to the first one names it, by a digest of all of it, and the next requests carry the name.
The last few are remembered, whoever sent them: a name cannot be guessed. What was forgotten is
asked for again.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from vae.errors import ConfigError

_FIELDS = ("webp", "z", "key", "grain")  # not how much of it is kept: that a hand may move
MOST = 64  # details, at most some 60 kB each


class ForgottenError(ConfigError):
    """A request names a detail that is not remembered; the page sends it again."""


class Recall:
    """The details that were sent last, by name."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._turns = Lock()

    def whole(self, data: Any) -> Any:
        """Return a request with the detail that it only names, and how much of it is kept.

        Raises:
            ForgottenError: It is not remembered.
        """
        detail = data.get("detail") if isinstance(data, Mapping) else None
        name = detail.get("ref") if isinstance(detail, Mapping) else None
        if name is None:
            return data
        with self._turns:
            known = self._known.get(name) if isinstance(name, str) else None
            if known is None:
                raise ForgottenError("expected a picture whose detail is kept")
            self._known.move_to_end(name)
        share = {"share": detail["share"]} if detail and "share" in detail else {}
        return {**data, "detail": {**known, **share}}

    def remember(self, data: Mapping[str, Any]) -> str | None:
        """Remember the detail of a request that was found good, and return its name.

        None where it has none, or has named it itself.
        """
        detail = data.get("detail")
        if not isinstance(detail, Mapping) or "ref" in detail:
            return None
        detail = {name: detail[name] for name in _FIELDS if name in detail}
        text = json.dumps(detail, sort_keys=True, separators=(",", ":"))
        name = hashlib.sha256(text.encode()).hexdigest()
        with self._turns:
            self._known[name] = detail
            self._known.move_to_end(name)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return name


RECALL = Recall()
