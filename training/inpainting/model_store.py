"""The models a person can fill with: built in, offered for download, downloaded, or added by path.

Nothing here goes to the network but `plan` and `download`.
"""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.errors import PrefPaintError
from training.inpainting import builtin_models, hub_download
from training.inpainting.checkpoint_files import identify, size_of
from training.inpainting.hub_plan import DownloadPlan, check_space
from training.inpainting.model_entry import (
    OFFERED,
    PATCHMATCH,
    REWARD_FILE,
    ModelEntry,
    State,
    hub_id_of,
    size_text,
)
from training.inpainting.model_registry import Record, locked, read_records, write_records
from training.inpainting.process_pool import ProcessPool
from training.inpainting.request import Event, Progress

Convert = Callable[[Path, Callable[[Event], None], threading.Event], None]


class ModelStore:
    """The models in a folder: their list and the downloaded ones. Safe for several processes.

    notice: one sentence for the person after a damaged list was set aside, else None.
    """

    def __init__(
        self, folder: Path, builtin: Path | None = None, convert_reward: Convert | None = None
    ) -> None:
        """folder: need not exist; it is made by the first change. builtin: where the program's own
        models lie, None for resources/models. convert_reward: makes REWARD_FILE in a folder into
        which PrefPaint's reward was downloaded; without it that stays as it came."""
        self.folder = folder
        self._convert_reward = convert_reward
        self._builtin_folder = builtin or builtin_models.FOLDER
        self.notice: str | None = None

    def entries(self) -> list[ModelEntry]:
        """PatchMatch, other built-in models, the offered ones, then what the person added or
        downloaded."""
        kept = self._records()
        builtin = self._builtin(kept)
        records = {record.name: record for record in kept}
        offered = [
            self._entry(records.pop(entry.name), entry) if entry.name in records else entry
            for entry in OFFERED
        ]
        return [PATCHMATCH, *builtin, *offered, *map(self._entry, records.values())]

    def listed(self, name_or_id: str) -> ModelEntry | None:
        """The entry of a name, hub id, its page's address or added path, whatever its state."""
        entries, source = self.entries(), hub_id_of(name_or_id) or name_or_id
        by_name = (entry for entry in entries if entry.name == name_or_id)
        by_source = (entry for entry in entries if entry.source == source)
        return next(by_name, None) or next(by_source, None)

    def downloaded(self, name_or_id: str, half_precision: bool = True) -> ModelEntry | None:
        """A download that is wholly here. half_precision: False for one with 32-bit weights."""
        entry = self.listed(name_or_id)
        if entry is None or not entry.is_downloaded or entry.state != "ready":
            return None
        return entry if half_precision or not entry.half_precision else None

    def find(self, name_or_path_or_id: str) -> ModelEntry:
        """A model that can be used now; a path need not have been added.

        Raises PrefPaintError for one that is unknown, not downloaded, gone or no model.
        """
        entry = self.listed(name_or_path_or_id)
        if entry is None and (path := Path(name_or_path_or_id).expanduser()).exists():
            return _found_at(path.absolute())
        wanted = name_or_path_or_id if entry is None else entry.name
        if entry is None and not hub_id_of(wanted):
            known = ", ".join(kept.name for kept in self.entries() if kept.family != "reward")
            raise PrefPaintError(
                f"There is no model {wanted}. Known are {known}; to add one: prefpaint models add "
                "PATH, or prefpaint models download ID."
            )
        if entry is None or entry.state == "absent":
            raise PrefPaintError(
                f"{wanted} is not on this computer. Get it with: prefpaint models download {wanted}"
            )
        if entry.state == "unfinished":
            raise PrefPaintError(
                f"The download of {wanted} is not finished. Go on with: prefpaint models download "
                f"{wanted}"
            )
        if entry.state == "missing":
            raise PrefPaintError(
                f"{wanted} was at {entry.source}, where there is nothing now. Bring it back, or "
                f"take it off the list with: prefpaint models remove {wanted}"
            )
        return entry

    def add(self, path: Path) -> ModelEntry:
        """List a model where it lies; nothing is copied. Raises PrefPaintError for what is none."""
        path = path.expanduser().absolute()
        found = _found_at(path)
        with locked(self.folder):
            records = self._records()
            if known := next((kept for kept in records if kept.path == str(path)), None):
                return self._entry(known)
            name = self._free_name(found.name, records)
            record = Record(
                name=name,
                title=found.title,
                source=str(path),
                path=str(path),
                family=found.family,
                channels=found.channels,
                size_bytes=found.size_bytes or 0,
                licence="",
                is_complete=True,
            )
            write_records(self.folder, [*records, record])
        return self._entry(record)

    def plan(
        self, hub_id: str, cancel: threading.Event, half_precision: bool = True
    ) -> DownloadPlan:
        """Ask the hub what a model (hub id or name) consists of. Raises PrefPaintError, Cancelled.

        half_precision: fp16 weights where there are any, at half the size; a download that was
        begun without them goes on without.
        """
        hub_id = self._hub_id(hub_id)
        kept = next((record for record in self._records() if record.source == hub_id), None)
        half_precision = half_precision and (kept is None or kept.half_precision)
        (plan,) = _in_child(hub_download.plan_files, (hub_id, half_precision), cancel)
        assert isinstance(plan, DownloadPlan)
        return plan

    def place_of(self, plan: DownloadPlan) -> Path:
        """The folder that a plan's files will lie in."""
        return self.folder / self._name_for(plan.hub_id, self._records())

    def download(
        self,
        hub_id: str,
        on_event: Callable[[Event], None],
        cancel: threading.Event,
        *,
        plan: DownloadPlan | None = None,
    ) -> ModelEntry:
        """Fetch a model (hub id or name) and list it; one that broke off goes on where it was, one
        that is here is left alone unless the plan adds its 32-bit weights.

        plan: as shown to the person; None makes one. Raises Cancelled well within a second of
        `cancel`, PrefPaintError where there is no model, no connection or not enough space.
        """
        if kept := self.downloaded(hub_id, plan is None or plan.half_precision):
            return kept
        on_event(Progress(0.0, "Asking the hub"))
        plan = plan or self.plan(hub_id, cancel)
        location = self.place_of(plan)
        check_space(plan, location)
        offered = next((entry for entry in OFFERED if entry.source == plan.hub_id), None)
        record = Record(
            name=location.name,
            title=offered.title if offered else plan.hub_id,
            source=plan.hub_id,
            path=None,
            family=offered.family if offered else "other",
            channels=offered.channels if offered else None,
            size_bytes=plan.size_bytes,
            licence=plan.licence or (offered.licence if offered else "see its model card"),
            is_complete=False,
            half_precision=plan.half_precision,
        )
        self._put(record)
        total = max(plan.size_bytes, 1)
        for done, name in _in_child(hub_download.fetch, (plan, location), cancel):
            stage = f"{name}: {size_text(done)} of {size_text(plan.size_bytes)}"
            on_event(Progress(min(done / total, 1.0), stage))
        if plan.is_reward:
            if self._convert_reward is not None:
                self._convert_reward(location, on_event, cancel)
            record = replace(record, size_bytes=size_of(location), is_complete=True)
        else:
            info = identify(location)
            record = replace(
                record,
                family=info.family,
                channels=info.channels,
                size_bytes=info.size_bytes,
                is_complete=True,
            )
        self._put(record)
        return self._entry(record, offered)

    def remove(self, name: str) -> None:
        """Take a model off the list and delete its files if the store downloaded them.

        A person's own files stay. Raises PrefPaintError for a built-in model, for an offered one
        that is not here, and for an unknown name.
        """
        entry = self.listed(name)
        if entry is None:
            raise PrefPaintError(f"There is no model {name} in the list: prefpaint models list")
        if entry.is_builtin:
            raise PrefPaintError(f"{name} is built in and stays.")
        if entry.state == "absent":
            raise PrefPaintError(f"{name} is not on this computer: there is nothing to remove.")
        if entry.is_downloaded:
            self._delete(self.folder / entry.name)
        with locked(self.folder):
            kept = [record for record in self._records() if record.name != entry.name]
            write_records(self.folder, kept)

    def _builtin(self, records: list[Record]) -> list[ModelEntry]:
        """The diffusion models of the program; one makes way for a person's own of its name."""
        found = []
        try:
            for entry in builtin_models.builtin_models(self._builtin_folder):
                found.append(replace(entry, name=_free_name(entry.name, _names_of(records))))
        except PrefPaintError as error:
            self.notice = f"A built-in model is damaged: {error} Or install PrefPaint anew."
        return found

    def _records(self) -> list[Record]:
        records, notice = read_records(self.folder)
        self.notice = notice or self.notice
        return records

    def _put(self, record: Record) -> None:
        """Write a record in the place of that of its name, or as the last."""
        with locked(self.folder):
            records = {kept.name: kept for kept in self._records()}
            records[record.name] = record
            write_records(self.folder, list(records.values()))

    def _entry(self, record: Record, offered: ModelEntry | None = None) -> ModelEntry:
        location = Path(record.path) if record.path else self.folder / record.name
        if record.family == "reward":
            location /= REWARD_FILE
        state: State = "ready" if record.is_complete else "unfinished"
        if state == "ready" and not location.exists():
            state = "missing" if record.path else "unfinished"
        return ModelEntry(
            record.name,
            record.title,
            record.family,
            record.channels,
            record.source,
            location if state == "ready" else None,
            record.size_bytes,
            record.licence or "unknown",
            is_builtin=False,
            is_offered=offered is not None,
            is_downloaded=record.path is None,
            half_precision=record.path is None and record.half_precision,
            state=state,
        )

    def _hub_id(self, name_or_id: str) -> str:
        entry = self.listed(name_or_id)
        if entry and entry.is_builtin:
            raise PrefPaintError(f"{entry.name} is built in: there is nothing to download.")
        hub_id = hub_id_of(entry.source if entry else name_or_id)
        if hub_id is None:
            raise PrefPaintError(
                f"{name_or_id} is no hub id: those read OWNER/NAME, as on https://huggingface.co. "
                "A path needs no download: prefpaint models add PATH."
            )
        return hub_id

    def _name_for(self, hub_id: str, records: list[Record]) -> str:
        """The name that a hub id has, or will have once it is downloaded."""
        entry = next((entry for entry in OFFERED if entry.source == hub_id), None)
        record = next((kept for kept in records if kept.source == hub_id), None)
        if known := entry or record:
            return known.name
        return self._free_name(hub_id.split("/")[1], records)

    def _free_name(self, wish: str, records: list[Record]) -> str:
        return _free_name(wish, _names_of(records) | {e.name for e in self._builtin(records)})

    def _delete(self, folder: Path) -> None:
        try:
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise PrefPaintError(
                f"{folder} cannot be deleted ({error.strerror or error}). Close what uses it, or "
                "delete it by hand."
            ) from error


def _found_at(path: Path) -> ModelEntry:
    info = identify(path)
    name = path.stem if info.kind == "file" else path.name
    return ModelEntry(
        name or "model",
        name,
        info.family,
        info.channels,
        str(path),
        path,
        info.size_bytes,
        "unknown",
        is_builtin=False,
    )


def _names_of(records: list[Record]) -> set[str]:
    """Taken by records, offered models and PatchMatch."""
    return {PATCHMATCH.name, *(e.name for e in OFFERED), *(r.name for r in records)}


def _free_name(wish: str, taken: set[str]) -> str:
    """The wish as a name, with a number where it is taken."""
    base = re.sub(r"[^\w.\-]+", "-", wish).strip("-.") or "model"
    names = (f"{base}-{number}" if number > 1 else base for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _in_child(
    function: Callable[..., Iterator[Any]], call: tuple[Any, ...], cancel: threading.Event
) -> Iterator[Any]:
    """Run a generator function in a process of its own, which a cancel kills."""
    with closing(ProcessPool(1)) as pool:
        for _, value in pool.run(function, [call], cancel):
            yield value
