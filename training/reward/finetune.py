"""From a person's preferences to a reward of their own: what is enough, and where a run lies.

No torch: the training itself is `prefpaint-train reward` in a process of its own.
"""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event

from filelock import FileLock, Timeout

from resources import FOLDER
from training.errors import PrefPaintError
from training.preferences.export import export
from training.preferences.order import by_person, known_levels
from training.preferences.reading import Statistics
from training.preferences.records import ToldStrip
from training.preferences.store import PreferenceStore
from training.reward.division import lacking
from training.reward.looks import tier_pairs

SETTINGS = "finetune.toml"
RUNS, DATA, RUN = "training", "data", "run"
REWARDS_KEPT = 2
"""The one in use and the one before; each has 18 MB."""


@dataclass(frozen=True)
class Survey:
    """What there is to learn from. strips: in which someone told an order. pairs: of pictures of
    one strip whose order is known. lacking: what is missing, one sentence, "" when it is enough."""

    statistics: Statistics
    strips: int
    pairs: int
    lacking: str


def survey(store: PreferenceStore) -> Survey:
    """Count what the store holds. Raises PrefPaintError when it cannot be read."""
    counts = [(strip.photo_sha256, _pairs(strip)) for strip in store.told_strips()]
    photos = [photo for photo, pairs in counts if pairs]
    pairs = sum(pairs for _, pairs in counts)
    return Survey(store.statistics(), len(photos), pairs, lacking(photos))


def _pairs(strip: ToldStrip) -> int:
    """How many pairs the trainer takes from a strip."""
    count = 0
    for said in by_person(strip.opinions).values():
        levels = known_levels(strip.seeds, said)
        different = sorted(set(levels.values()), reverse=True)
        tiers = [[s for s in levels if levels[s] == level] for level in different]
        count += len(tier_pairs(tiers))
    return count


@dataclass(frozen=True)
class Place:
    """Where runs and their results lie. command: what runs `prefpaint-train`. start: the general
    reward, a file. settings: TOML."""

    folder: Path
    command: tuple[str, ...]
    start: Path
    settings: Path

    @property
    def _runs(self) -> Path:
        return self.folder / RUNS

    def unfinished(self) -> "Run | None":
        """The run that was begun last and neither taken nor deleted."""
        runs = sorted(path for path in self._runs.glob("*") if (path / DATA).is_dir())
        return Run(runs[-1], self) if runs else None

    def begin(
        self, store: PreferenceStore, on_progress: Callable[[float], None], cancel: Event
    ) -> "Run":
        """Export the store for a new run. Raises as `export` does."""
        run = Run(self._runs / f"{datetime.now():%Y%m%d-%H%M%S}", self)
        try:
            export(store, run.folder / DATA, "paper", on_progress=on_progress, cancel=cancel)
        except BaseException:
            run.delete()
            raise
        return run


def own_settings() -> Path:
    """The TOML file of settings that comes with the program."""
    return FOLDER / "training" / SETTINGS


@dataclass(frozen=True)
class Run:
    """One run, on disk until it is taken or deleted; it can be gone on with at any time."""

    folder: Path
    place: Place

    def command(self) -> list[str]:
        """What begins the run, or goes on with it."""
        data, out = str(self.folder / DATA), str(self.folder / RUN)
        return [
            *self.place.command,
            *("reward", data, "--validation", data, "--held-out", data, "--out", out),
            *("--start", str(self.place.start), "--config", str(self.place.settings), "--events"),
        ]

    def log(self) -> list[dict[str, float]]:
        """The measurements so far: lines of log.jsonl, a later one of a step instead of an
        earlier."""
        try:
            text = (self.folder / RUN / "log.jsonl").read_text(encoding="utf-8")
            lines = [json.loads(line) for line in text.splitlines()]
            return list({line["step"]: line for line in lines}.values())
        except (OSError, ValueError, TypeError, KeyError):
            return []

    def result(self) -> "dict[str, dict[str, float]] | None":
        """What held-out.json has (see write_held_out); None while the run goes on."""
        try:
            if not self._reward.is_file():
                return None
            text = (self.folder / RUN / "held-out.json").read_text(encoding="utf-8")
            found = json.loads(text)
            return {name: dict(figures) for name, figures in found.items()}
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def take(self) -> Path:
        """Keep the result as a reward of its own, delete the rest and give its file.

        Of rewards that were taken before, the last one stays, to go back to.
        """
        kept = self.place.folder / "rewards" / f"trained-{self.folder.name}.safetensors"
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            self._reward.replace(kept)
        except OSError as error:
            raise PrefPaintError(
                f"The new reward cannot be kept as {kept} ({error.strerror or error}). Make the "
                "folder writable and try again."
            ) from error
        for old in sorted(kept.parent.glob("trained-*.safetensors"))[:-REWARDS_KEPT]:
            with suppress(OSError):  # another window reads it; the next one taken tries again
                old.unlink()
        self.delete()
        return kept

    def delete(self) -> None:
        """Delete the run with its copies of the person's pictures. Raises PrefPaintError while
        another process trains there."""
        _delete(self.folder)

    @property
    def _reward(self) -> Path:
        return self.folder / RUN / "reward.safetensors"


def has_runs(folder: Path) -> bool:
    """Whether a run in a data folder is paused, going on, or on offer."""
    return any((folder / RUNS).glob("*"))


def delete_runs(folder: Path) -> None:
    """Delete every run in a data folder, whose copies of pictures outlive those of the store.

    Raises PrefPaintError while another process trains on one.
    """
    for run in (folder / RUNS).glob("*"):
        _delete(run)


def _delete(run: Path) -> None:
    try:
        with FileLock(run / RUN / ".lock", timeout=0):
            pass
    except Timeout as error:
        raise PrefPaintError(
            "Another window trains on these preferences. Pause or cancel it in that window."
        ) from error
    except OSError:
        pass  # it has not been begun
    try:
        shutil.rmtree(run)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise PrefPaintError(
            f"The training in {run}, with copies of your pictures, cannot be deleted "
            f"({error.strerror or error}). Make the folder writable and try again."
        ) from error
