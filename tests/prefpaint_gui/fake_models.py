"""A scripted model store."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from training.errors import Cancelled, PrefPaintError
from training.inpainting.hub_plan import DownloadPlan, HubFile
from training.inpainting.model_entry import OFFERED, PATCHMATCH, ModelEntry
from training.inpainting.request import Event, Progress

SIZE = 4_300_000_000
OFFERED_NAME = OFFERED[0].name


class FakeModels:
    """Lists PatchMatch, the offered models and what comes. While `gate` is not set, it waits: at a
    plan before it answers, in a download after the share `arrived`.
    """

    def __init__(self) -> None:
        self.folder = Path("/nowhere/models")
        self.notice: str | None = None
        self.kept = {entry.name: entry for entry in (PATCHMATCH, *OFFERED)}
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = 0.25
        self.error: str | None = None
        self.licence = "openrail"
        self.calls: list[tuple[str, str]] = []
        """What was asked of it that changes something or goes to the network, with whom."""
        self.cancelled_at: float | None = None

    def entries(self) -> list[ModelEntry]:
        return list(self.kept.values())

    def listed(self, name_or_id: str) -> ModelEntry | None:
        found = (e for e in self.entries() if name_or_id in (e.name, e.source))
        return next(found, None)

    def add(self, path: Path) -> ModelEntry:
        self._note("add", str(path))
        entry = ModelEntry(
            path.stem, path.stem, "sdxl", 9, str(path), path, 7_000_000, "unknown", False
        )
        self.kept[entry.name] = entry
        return entry

    def remove(self, name: str) -> None:
        self._note("remove", name)
        entry = self.kept.pop(name)
        if entry.is_offered:
            self.kept[name] = next(offered for offered in OFFERED if offered.name == name)

    def plan(self, hub_id: str, cancel: threading.Event) -> DownloadPlan:
        self._note("plan", hub_id)
        self._wait(cancel)
        entry = self.listed(hub_id)
        file = HubFile("unet/weights.safetensors", SIZE, "0" * 64)
        return DownloadPlan(entry.source if entry else hub_id, "main", self.licence, (file,))

    def place_of(self, plan: DownloadPlan) -> Path:
        entry = self.listed(plan.hub_id)
        return self.folder / (entry.name if entry else plan.hub_id.split("/")[1])

    def download(
        self,
        hub_id: str,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
        *,
        plan: DownloadPlan | None = None,
    ) -> ModelEntry:
        assert plan is not None
        self._note("download", hub_id)
        entry = self.listed(hub_id) or replace(
            OFFERED[0], name=hub_id.split("/")[1], title=hub_id, source=hub_id, is_offered=False
        )
        entry = replace(entry, is_downloaded=True, size_bytes=SIZE, licence=self.licence)
        self.kept[entry.name] = replace(entry, state="unfinished")
        on_event(Progress(self.arrived, "unet/weights.safetensors"))
        self._wait(cancel)
        done = replace(entry, state="ready", location=self.folder / entry.name)
        self.kept[entry.name] = done
        return done

    def _note(self, what: str, whom: str) -> None:
        self.calls.append((what, whom))
        if self.error:
            raise PrefPaintError(self.error)

    def _wait(self, cancel: threading.Event) -> None:
        while not self.gate.wait(0.002):
            if cancel.is_set():
                self.cancelled_at = time.monotonic()
                raise Cancelled
