"""One run, from its request to a new world, within the process it is called in.

It follows the trainer's events: writes the curves, measures held-out pictures, draws sheets, hears
what is asked, rolls back a loss that is not finite, keeps the weights that
`vae.keeping` says, and finishes a world.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from vae.archive import place_for
from vae.closing import DEATHS, facts_of, kept_step, left_out, show_world, write_new_world
from vae.coach import advise, sum_up
from vae.course import Course
from vae.courtesy import Courtesy
from vae.data import ImageSet, load_split
from vae.distributions import LatentDensity
from vae.errors import CheckpointError, TrainingError, sentence
from vae.finish import encode_set
from vae.guard import Grant
from vae.keeping import Verdict, judge
from vae.ledger import LIVE, PICTURES, STATE_FILE, Ledger, TrainRequest
from vae.model import IvAE
from vae.parallel import every_core
from vae.presets import get_preset, most_steps, replay_share, stages
from vae.rehearsal import device_name, peak_memory, starting_model
from vae.replay import keep_replay
from vae.reporter import Reporter
from vae.run import fitting, saved_run
from vae.sheets import Sheets
from vae.trainer import NotFiniteError, Trainer

if TYPE_CHECKING:
    from vae.protocols import Protocol
    from vae.screening import Manifest

MAX_ROLLBACKS = 3
EASE = 0.5
"""Factor on the rate after a loss that was not finite."""
MEASURES, MEASURE_COST = 40, 10.0
"""Held-out measurements over a run; by the clock, no oftener than so many times what one takes."""
SHEET_COST, TILE_COST = 24.0, 12.0
"""A sheet is drawn once training has taken so many times as long as the last sheet did; likewise a
tile of it, while somebody looks."""
MAX_SHEETS = 240
AFTER_REFUSAL = 10.0
"""Seconds before a disk that refused a state is asked again, for what was asked by hand."""


class Session:
    """Trains one run to its world.

    Args:
        ledger: The run's folder.
        worlds: Where its start world is, and the new one goes.
        watch: Called with the trainer's progress, 0 to 1, and a few words, for a progress bar.
    """

    def __init__(
        self,
        ledger: Ledger,
        worlds: Path,
        *,
        watch: Callable[[float, str], None] | None = None,
    ):
        self.ledger, self.worlds, self.watch = ledger, worlds, watch
        self.job = ledger.job()
        self.request = TrainRequest.from_dict(self.job["request"])
        self.changes = self.request.changes
        self.report = Reporter(ledger, tensorboard=bool(self.changes.get("tensorboard")))
        self.preset = get_preset(self.request.preset)
        self._courtesy = Courtesy(ledger.folder.parent)
        self.rollbacks, self.rolled_back = 0, None
        self._sheet_at, self._sheet_took = 0.0, 0.0
        self._tile_at, self._tile_took = 0.0, 0.0
        self._measured_at, self._measure_took = 0.0, 0.0
        self._before, self._full = 0.0, False
        self._trouble, self._refused_until = "", 0.0

    def run(self, manifest: Manifest, grant: Grant) -> str:
        """Train and finish; return the state it ends in: done, stopped, paused or queued.

        Raises:
            VAEError: It cannot go on; the last good state is on the disk.
        """
        self.manifest, self.grant = manifest, grant
        self.report.say(state="preparing", message="", started=time.time())
        trainer = self._prepare()
        asked = self.ledger.control().ask
        if asked != "stop":  # asked while it rested: nothing more is to be learned
            asked = self._follow(trainer)
        if asked in ("run", "early") and self.course.has_next(trainer):
            trainer = self._next_stage(trainer)
            asked = self._follow(trainer)
        if asked == "pause":
            return self._rest("paused", "")
        if asked == "leave":
            return self._rest("queued", "It goes on when the page is opened again.")
        return self._finish(trainer, stopped=asked == "stop")

    # Before

    def _prepare(self) -> Trainer:
        """Return the trainer, where the last state left it."""
        resumed = (self.ledger.folder / STATE_FILE).is_file()
        saved, model = saved_run(self.ledger.folder) if resumed else (None, None)
        if model is None:
            model = starting_model(self.preset, self.request.start, self.worlds)
        config = model.config
        assert config is not None
        self.images, self.held_out = load_split(
            self.manifest.images, size=config.image_size, channels=config.channels
        )
        num = len(self.images) + len(self.held_out)
        device = device_name()
        protocols = stages(self.preset, self.changes, num_images=num, device=device)
        most = most_steps(
            self.preset, self.changes, num_training=len(self.images),
            batch_size=fitting(protocols[0], self.images).batch_size, judged=len(protocols) > 1,
        )  # fmt: skip
        self.course = Course(protocols, most)
        self.replay = self._replay(None if resumed else model)
        trainer = self._trainer(model, saved or self.course.first())
        if resumed:
            trainer.load()
        else:
            trainer.save()  # a run that dies at any instant has something to go on from
        self.report.go_on_from(trainer.step)
        self.sheets = Sheets(self.images, self.held_out)
        self.floor = trainer.protocol.free_bits * model.latent_dim
        self.report.say(
            now=True, num_images=num, device=device, saved=trainer.step, step=trainer.step,
            minutes=self.course.minutes(trainer),
        )  # fmt: skip
        if not self.report.tests:  # also where it died before this was told
            self._measure(trainer)
            self._draw(trainer)
        self._extend(trainer, from_here=bool(self.report.status.world))
        self._before = trainer.progress
        return trainer

    def _replay(self, start: IvAE | None) -> ImageSet | None:
        path = self.ledger.folder / "replay.safetensors"
        if not self._share() or (start is None and not path.is_file()):
            return None
        return keep_replay(path, start)

    def _share(self) -> float:
        return replay_share(self.preset, self.changes)

    def _trainer(self, model: IvAE, protocol: Protocol) -> Trainer:
        protocol = fitting(protocol, self.images)
        replay = None if protocol.adversarial else self.replay
        return Trainer(
            model, self.images, self.held_out, protocol, folder=self.ledger.folder,
            replay=replay, replay_share=self._share(),
        )  # fmt: skip

    def _next_stage(self, before: Trainer) -> Trainer:
        """Go on against the judge, from the weights that are kept."""
        model = before.kept_model().requires_grad_(True).train()
        latents = encode_set(model, self.images)
        model.density = LatentDensity.fit(latents).to(latents.device)
        trainer = self._trainer(model, self.course.second(before))
        trainer.follow(before.step, before.elapsed)
        trainer.extended = before.extended
        trainer.save()
        return trainer

    # During

    def _follow(self, trainer: Trainer) -> str:
        """Run a stage to its end; return what was asked that ended it, ``'run'`` if nothing."""
        self.report.say(state="training")
        while True:
            try:
                for event in trainer.run():
                    if event.kind == "save":
                        self._saved(trainer)
                    elif event.kind == "step":
                        asked = self._step(trainer, event.values)
                        if asked != "run":
                            return asked
                    self.report.check()
                self._saved(trainer)
                return "run"
            except NotFiniteError:
                self._roll_back(trainer)
            except CheckpointError as error:
                if trainer.progress >= 1:
                    raise
                self._refused(error)

    def _step(self, trainer: Trainer, values: Mapping[str, float]) -> str:
        self.report.note("step", trainer.step, values)
        before, after = self._before, trainer.progress
        self._before = after
        if int(before * MEASURES) != int(after * MEASURES) and self._measure_due(trainer):
            self._measure(trainer)
            verdict = self._verdict(trainer)
            if verdict.may_stop:
                self.report.say(
                    message=f"Overfitting since step {verdict.kept}: "
                    "it stopped early, and the weights of that step are kept."
                )
                return "early"
        self._draw_in_time(trainer)
        self._draw_tile(trainer)
        self._say(trainer, values)
        return self._hear(trainer)

    def _hear(self, trainer: Trainer) -> str:
        """Give way to a hand, do what was asked since, and return whether to go on."""
        self._courtesy.give_way(lambda: self.report.wishes().ask != "run")
        wishes = self.report.wishes()
        self._extend(trainer)
        if wishes.saves > self.report.status.saves and self._save(trainer):
            self.report.say(now=True, saves=wishes.saves)
        if wishes.ask != "run":
            self.report.say(state="stopping")
            if self._save(trainer) or wishes.ask != "pause":
                return wishes.ask
            self.report.say(state="training")  # what would rest now would be lost
        limit = self.course.limit(trainer, self.grant, full=self._full)
        if limit:
            self.report.say(message=limit)
            return "limit"
        return "early" if self.course.judge_is_due(trainer) else "run"

    def _extend(self, trainer: Trainer, *, from_here: bool = False) -> None:
        room = self.course.room(trainer, self.grant.minutes, from_here=from_here)
        more = min(self.report.wishes().minutes - trainer.extended, room)
        if more > 0:
            trainer.extend(more, from_here=from_here)
            minutes = self.course.minutes(trainer)
            self.report.say(now=True, minutes=minutes, extended=trainer.extended)

    def _save(self, trainer: Trainer) -> bool:
        """Save the state; where the disk refuses say so, and try again only after a while."""
        if time.monotonic() < self._refused_until:
            return False
        self.report.check()
        try:
            trainer.save()
        except CheckpointError as error:
            self._refused(error)
            return False
        self._saved(trainer)
        return True

    def _refused(self, error: CheckpointError) -> None:
        self._refused_until = time.monotonic() + AFTER_REFUSAL
        self._trouble = f"{sentence(error)} Training goes on, and tries again."
        self.report.say(message=self._trouble)

    def _saved(self, trainer: Trainer) -> None:
        """A state is on the disk; it bounds what the run takes there."""
        further = trainer.step > self.report.status.saved
        restarts = 0 if further else self.report.status.restarts
        status = self.report.status
        message = "" if status.message == self._trouble else status.message  # that is over
        self.report.say(now=True, saved=trainer.step, restarts=restarts, message=message)
        self._full = self.ledger.size() > self.grant.disk

    def _roll_back(self, trainer: Trainer) -> None:
        at = trainer.step
        self.rollbacks += 1
        if self.rollbacks > MAX_ROLLBACKS:
            raise TrainingError(
                f"the loss was not finite {self.rollbacks} times, the last time at step {at}; the "
                f"state of step {self.report.status.saved} is kept. Stop and keep it, or start "
                "again with a smaller rate"
            )
        trainer.go_back()
        trainer.schedule.ease *= EASE**self.rollbacks
        self.rolled_back = at
        self._before = trainer.progress
        self.report.go_on_from(trainer.step)
        self._say(trainer, {})

    def _measure_due(self, trainer: Trainer) -> bool:
        """Whether training took long enough since; a run counted in steps is the same each time."""
        rested = time.monotonic() - self._measured_at >= MEASURE_COST * self._measure_took
        return rested or trainer.protocol.minutes is None

    def _measure(self, trainer: Trainer) -> None:
        began = time.monotonic()
        values = trainer.held_out()
        self._measured_at = time.monotonic()
        self._measure_took = self._measured_at - began
        self.report.note("test", trainer.step, {**values, "progress": trainer.progress})
        if self._verdict(trainer).kept == trainer.step:
            trainer.keep()

    def _verdict(self, trainer: Trainer) -> Verdict:
        """What is kept; a stage against the judge keeps its last weights, and says nothing."""
        return Verdict() if trainer.protocol.adversarial else judge(self.report.tests)

    def _draw_in_time(self, trainer: Trainer) -> None:
        """Draw a sheet when training has taken long enough since the last."""
        least = 60 * self.course.minutes(trainer) / MAX_SHEETS
        if time.monotonic() - self._sheet_at >= max(least, SHEET_COST * self._sheet_took):
            self._draw(trainer)

    def _draw(self, trainer: Trainer) -> None:
        began = time.monotonic()
        self.report.check()
        with suppress(OSError):  # a full disk shall not end a run for want of a picture
            self.sheets.write(trainer.averaged_model(), self.ledger.folder / PICTURES, trainer.step)
        self._sheet_at = time.monotonic()
        self._sheet_took = self._sheet_at - began

    def _draw_tile(self, trainer: Trainer) -> None:
        """Draw one picture anew where somebody looks and it costs little."""
        began = time.monotonic()
        if began - self._tile_at < TILE_COST * self._tile_took or not self.ledger.is_seen:
            return
        with suppress(OSError):
            self.sheets.write_next(trainer.averaged_model(), self.ledger.folder / PICTURES)
        self._tile_at = time.monotonic()
        self._tile_took = self._tile_at - began

    def _say(self, trainer: Trainer, values: Mapping[str, float]) -> None:
        advice = advise(
            self.report.steps[-40:], self.report.tests, floor=self.floor,
            verdict=self._verdict(trainer), rolled_back=self.rolled_back,
        )  # fmt: skip
        if advice.code != self.report.status.coach.get("code") or advice.code == "learning":
            if advice.code != self.report.status.coach.get("code"):
                self.report.note("coach", trainer.step, asdict(advice))
            self.report.status = self.report.status.changed(coach=asdict(advice))
        speed = values.get("images_per_second", self.report.status.images_per_second)
        self.report.say(
            step=trainer.step, progress=self.course.progress(trainer), images_per_second=speed,
            seconds_left=self.course.seconds_left(trainer), kept_step=trainer.kept.step,
            memory_bytes=peak_memory(trainer.device),
        )  # fmt: skip
        if self.watch is not None:
            words = f"step {trainer.step}, {speed:.0f} images/s. {advice.sentence}"
            self.watch(self.course.progress(trainer), words)

    # After

    def _rest(self, state: str, message: str) -> str:
        self.report.say(state=state, message=message, pid=None, seconds_left=None)
        self.report.tracker.close()
        return state

    def _finish(self, trainer: Trainer, *, stopped: bool) -> str:
        """Make the world, put it in place, and hold the mirror to it."""
        self.report.say(state="finishing", step=trainer.step, progress=1.0)
        if trainer.step != self.report.status.saved:  # more time goes on from here
            self._save(trainer)
        (self.ledger.folder / PICTURES / f"{LIVE}.webp").unlink(missing_ok=True)
        if not self.report.tests or self.report.tests[-1]["step"] != trainer.step:
            self._measure(trainer)
        status = self.report.status
        died = status.restarts >= DEATHS
        whole = died and status.made == trainer.step  # it died of what comes after
        # All cores for these seconds, a hand goes first; not where memory was short.
        with nullcontext() if died else every_core(self._courtesy.give_way):
            lacks = left_out() if whole else self._make_world(trainer, small=died)
        self.report.say(kept_step=kept_step(trainer), coach=asdict(sum_up(self.report.tests)))
        message = " ".join(filter(None, (status.message, *lacks)))
        return self._rest("stopped" if stopped else "done", message)

    def _make_world(self, trainer: Trainer, *, small: bool) -> list[str]:
        """Put the world in place; return sentences on what it had to do without."""
        name = self.report.status.world or str(self.job["world"])
        target = place_for(self.worlds, name, self.ledger.id)
        settings = [protocol.to_dict() for protocol in self.course.protocols]
        facts = facts_of(
            trainer, self.report.tests, num_images=(len(self.images), len(self.held_out)),
            start=self.request.start, preset=self.preset.name, protocols=self.course.protocols,
        )  # fmt: skip
        model, lacks = write_new_world(
            trainer, self.images, self.manifest, self.report.tracker.read(), settings,
            facts=facts, run=self.ledger.id, stage=self.ledger.folder / "world", target=target,
            small=small,
        )  # fmt: skip
        self.report.say(now=True, world=target.name, made=trainer.step)
        return lacks + show_world(model, self.images, self.sheets, self.ledger.folder)
