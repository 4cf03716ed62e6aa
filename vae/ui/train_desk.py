"""The desk behind the Train tab: pictures laid out, looked at, and handed to a run.

It joins three things that know nothing of each other: the folder where uploads wait, the
screening, and the runs. The last two are imported when first needed, so that the page is there
at once.
"""

from __future__ import annotations

import shutil
import threading
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.courtesy import Hand
from vae.errors import DatasetError, TrainingError
from vae.ui.packing import Packer
from vae.ui.train_answer import safely
from vae.ui.train_staging import Staging
from vae.ui.words import TRAIN
from vae.ui.worlds import find_worlds

if TYPE_CHECKING:
    from vae.child import Estimate
    from vae.jobs import Jobs
    from vae.ledger import TrainRequest
    from vae.screening import Manifest, ScreeningSettings, Verdict

INCOMING = ".incoming"
LEFT_OUT = "left_out"
_LEFT_OUT = "The artist left it out."  # in the manifest; the page says it in its own words
_SCREENED, _FRESH, _LEFT = "screened", "screening", "left"


@dataclass
class Look:
    """A batch as it is being looked at; ``done`` of ``total`` files so far.

    ``nearest`` is the world that draws its pictures nearest, and the version it was found for.
    """

    running: bool = False
    done: int = 0
    total: int = 0
    error: str = ""
    manifest: Manifest | None = None
    version: int = 0
    nearest: tuple[int, str] = (-1, "")


class Desk:
    """Everything the Train tab asks for.

    Args:
        runs: Folder of the runs; uploads wait in a folder below it.
        worlds: Folder of the worlds.
        staging: Where uploads wait; made here where it is not given.
        make_jobs: Returns the runs, once, when first asked for.
        classifier: Folder of a local image classifier that looks at what the pictures show.
        refuse: Its labels that refuse a picture; empty takes the usual names.
    """

    def __init__(
        self,
        runs: Path,
        worlds: Path,
        *,
        staging: Staging | None = None,
        make_jobs: Callable[[], Jobs] | None = None,
        classifier: Path | None = None,
        refuse: Sequence[str] = (),
    ) -> None:
        self.worlds, self.hand, self.packer = worlds, Hand(runs), Packer(worlds)
        self.staging = staging or Staging(runs / INCOMING)
        self._content: dict[str, Any] = {}
        if classifier is not None:
            self._content = {"classifier": classifier, "classifier_labels": tuple(refuse)}
        self._make_jobs = make_jobs or (lambda: _open_jobs(runs, worlds))
        self._looks: dict[str, Look] = {}
        self._lock = threading.RLock()
        self._looking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="screen")
        self._jobs_lock = threading.Lock()
        self._trying = threading.Lock()

    @property
    def jobs(self) -> Jobs:
        """The runs; what a killed server left is taken up when they are first asked for."""
        with self._jobs_lock:
            return self._jobs

    @cached_property
    def _jobs(self) -> Jobs:
        return self._make_jobs()

    def start(self) -> None:
        """Take up what an earlier server left, and sweep away pictures nobody came back for."""
        self.staging.sweep()
        _ = self.jobs

    def close(self) -> None:
        """Let go of the threads; a run at work saves itself and goes on with the next server."""
        self._looking.shutdown(wait=False, cancel_futures=True)
        self.packer.clear()
        if "_jobs" in self.__dict__:
            self._jobs.close()

    def estimate(self, request: TrainRequest) -> Estimate:
        """Try three steps in a process of its own, one request at a time.

        Raises:
            TrainingError: Another is being tried.
            VAEError: The run cannot be, for the reason it says.
        """
        if not self._trying.acquire(blocking=False):
            raise TrainingError(TRAIN["trying_another"])
        try:
            return self.jobs.estimate(request)
        finally:
            self._trying.release()

    def world_names(self) -> list[str]:
        """Return the worlds a run can start from."""
        return sorted(find_worlds(self.worlds))

    def nearest(self, batch: str) -> str:
        """Return the world that draws the pictures of a batch nearest; found once for a look.

        Raises:
            DatasetError: It has not been looked at, or is gone.
            CheckpointError: There is no world.
        """
        from vae.starting import nearest_world

        manifest, look = self.manifest(batch), self.look(batch)
        version, name = look.nearest
        if version != look.version:
            name = nearest_world(manifest.pictures, find_worlds(self.worlds).values()).name
            with self._lock:
                if batch in self._looks:
                    self._looks[batch].nearest = (look.version, name)
        return name

    def unpack(self, batch: str) -> str:
        """Make a world of the ZIP that was sent as a batch of its own; return its name.

        Raises:
            VAEError: It is no world's, or damaged.
        """
        from vae.archive import import_world

        try:
            return import_world(self.staging.files(batch)[0], self.worlds)
        finally:
            self.staging.remove(batch)

    # Looking at pictures

    def look(self, batch: str) -> Look:
        """Return how far the look at a batch is; one of an earlier server is read from disk."""
        folder = self.staging.path(batch)
        with self._lock:
            known = self._looks.get(batch)
            if not folder.is_dir() and not (known and known.running):
                gone = self._looks.pop(batch, Look())  # numbers may be made up
                return replace(gone, manifest=None)
            look = self._look_at(batch)
            if look.manifest is None and not look.running and not look.error:
                look.manifest = self._known(folder / _SCREENED)
                look.version += look.manifest is not None
            return replace(look)

    def _known(self, folder: Path) -> Manifest | None:
        """Return what an earlier server found, where it looked by no less than this one."""
        manifest = _stored(folder)
        if manifest is None or not self._content:
            return manifest
        by, name = manifest.settings, self._content["classifier"].name
        checked = by.classifier is not None and by.classifier.name == name
        same = by.classifier_labels == self._content["classifier_labels"]
        return manifest if checked and same else None

    def _look_at(self, batch: str) -> Look:
        """Return the look at a batch, which is there; those at batches that are gone go too."""
        if batch not in self._looks:
            for other in [b for b, look in self._looks.items() if not look.running]:
                if not self.staging.path(other).is_dir():
                    del self._looks[other]
        return self._looks.setdefault(batch, Look())

    def start_look(self, batch: str, settings: ScreeningSettings) -> None:
        """Look at all files of a batch anew, in the background.

        Raises:
            DatasetError: There is nothing to look at, or it is being looked at already.
        """
        sources = self.staging.files(batch)
        if not sources:
            raise DatasetError(TRAIN["nothing"])
        with self._lock:
            look = self._look_at(batch)
            if look.running:
                raise DatasetError(TRAIN["still_looking"])
            look.running, look.done, look.total, look.error = True, 0, len(sources), ""
        settings = replace(settings, **self._content)
        told = copy_context().run
        self._looking.submit(told, self._look_through, batch, look, sources, settings)

    def _look_through(
        self, batch: str, look: Look, sources: Sequence[Path], settings: ScreeningSettings
    ) -> None:
        from vae.screening import screen

        folder = self.staging.path(batch)
        fresh, screened = folder / _FRESH, folder / _SCREENED

        def forgotten() -> bool:
            return self._looks.get(batch) is not look

        def progress(done: int, total: int) -> None:
            look.done, look.total = done, total
            if forgotten():
                raise DatasetError(TRAIN["lost_batch"])

        try:
            progress(0, len(sources))
            shutil.rmtree(fresh, ignore_errors=True)
            screen(sources, fresh, settings=settings, progress=progress)
            with self._lock:
                progress(look.done, look.total)
                shutil.rmtree(screened, ignore_errors=True)
                shutil.rmtree(folder / _LEFT, ignore_errors=True)
                fresh.rename(screened)
                look.manifest = _stored(screened)
                look.version += 1
        except Exception as error:  # the boundary of the thread: told to whoever asks next
            look.error = safely(partial(_fail, error))["error"]
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
            with self._lock, suppress(OSError):
                if forgotten():
                    folder.rmdir()  # made again by what was being written; not where files came
            look.running = False

    def leave_out(self, batch: str, row: int, *, out: bool) -> Look:
        """Leave one picture out of what is learned from, or take it back.

        Raises:
            DatasetError: There is no such picture.
        """
        with self._lock:
            before = self.manifest(batch)
            verdict = before.verdicts[self._row(before, row)]
            if not verdict.clean or verdict.kept is not out:
                raise DatasetError(TRAIN["lost_batch"])
            changed = replace(verdict, kept=not out, **_marks(out))
            verdicts = [changed if v is verdict else v for v in before.verdicts]
            manifest = replace(before, verdicts=tuple(verdicts), consent=None)
            _settle(manifest)
            try:
                manifest.save()
            except BaseException:
                _settle(before)  # a move needs no room on the disk
                raise
            look = self._looks[batch]
            look.manifest, look.version = manifest, look.version + 1
            return replace(look)

    def manifest(self, batch: str) -> Manifest:
        """Return the verdicts on a batch.

        Raises:
            DatasetError: It has not been looked at, or is gone.
        """
        manifest = self.look(batch).manifest
        if manifest is None or not manifest.folder.is_dir():
            raise DatasetError(TRAIN["lost_batch"])
        return manifest

    def thumbnail(self, batch: str, row: int) -> bytes | None:
        """Return the small picture of a file as WebP, or None where it has none."""
        manifest = self.manifest(batch)
        name = manifest.verdicts[self._row(manifest, row)].thumbnail
        path = manifest.folder / "thumbs" / name if name else None
        return path.read_bytes() if path and path.is_file() else None

    def source(self, batch: str, row: int) -> bytes:
        """Return the bytes of a file as the artist sent it, out of its ZIP where it came in one.

        Raises:
            DatasetError: It is no longer there.
        """
        manifest = self.manifest(batch)
        name = manifest.verdicts[self._row(manifest, row)].name
        sent = {path.name: path for path in self.staging.files(batch)}
        archive, _, member = name.partition("/")
        try:
            if name in sent:
                return sent[name].read_bytes()
            with zipfile.ZipFile(sent[archive]) as packed, packed.open(member) as file:
                data = file.read(manifest.settings.max_bytes + 1)
        except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
            raise DatasetError(TRAIN["no_preview"]) from error
        if len(data) > manifest.settings.max_bytes:
            raise DatasetError(TRAIN["no_preview"])
        return data

    def forget(self, batch: str) -> None:
        """Take all pictures of a batch off the table."""
        with self._lock:
            self._looks.pop(batch, None)
            self.staging.remove(batch)

    @staticmethod
    def _row(manifest: Manifest, row: Any) -> int:
        if isinstance(row, bool) or not isinstance(row, int):
            raise DatasetError(TRAIN["lost_batch"])
        if not 0 <= row < len(manifest.verdicts):
            raise DatasetError(TRAIN["lost_batch"])
        return row


def _fail(error: Exception) -> Any:
    raise error


def _marks(out: bool) -> dict[str, tuple[str, ...]]:
    if not out:
        return {"reasons": (), "codes": ()}
    return {"reasons": (_LEFT_OUT,), "codes": (LEFT_OUT,)}


def _stored(folder: Path) -> Manifest | None:
    from vae.screening import Manifest

    try:
        manifest = Manifest.load(folder)
    except DatasetError:
        return None
    with suppress(OSError):
        _settle(manifest)  # of a server that was killed between the two halves of leaving one out
    return manifest


def _settle(manifest: Manifest) -> None:
    """Put every cleaned picture where the verdicts say: among the images, or among those left."""
    left = manifest.folder.parent / _LEFT
    left.mkdir(exist_ok=True)
    for verdict in manifest.verdicts:
        if verdict.clean:
            ends = (left / verdict.clean, manifest.images / verdict.clean)
            source, target = ends if verdict.kept else reversed(ends)
            if source.is_file() and not target.exists():
                source.replace(target)


def open_desk(worlds: Path, classifier: Path | None = None, refuse: Sequence[str] = ()) -> Desk:
    """Return the desk of this machine: runs where ``VAE_RUNS`` says, or beside the package.

    Raises:
        ConfigError: The classifier cannot be used, see `vae.screening.content.require`.
    """
    from vae.jobs import runs_folder

    if classifier is not None:
        from vae.screening.content import require

        classifier = classifier.resolve()
        require(classifier, refuse)
    return Desk(runs_folder(), worlds, classifier=classifier, refuse=refuse)


def _open_jobs(runs: Path, worlds: Path) -> Jobs:
    from vae.jobs import Jobs

    return Jobs(runs, worlds)


def was_left_out(verdict: Verdict) -> bool:
    """Return whether it was the artist who left a picture out."""
    return LEFT_OUT in verdict.codes
