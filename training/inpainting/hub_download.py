"""The one place that goes to the Hugging Face hub: asks what a model consists of, and fetches it.

`plan_files` and `fetch` run in a child process (see ModelStore.download), so that a cancel ends
them wherever they wait. The person's own login is used where there is one. huggingface_hub's
hf_hub_download is not, as it begins a file anew after a kill.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.errors import PrefPaintError
from training.inpainting.checkpoint_files import refuse_pipeline_that_cannot_fill
from training.inpainting.hub_plan import (
    PART,
    DownloadPlan,
    HubFile,
    needed_files,
    part_of,
    reward_files,
)
from training.inpainting.model_entry import REWARD_HUB_ID
from training.inpainting.pipeline_folder import INDEX, parse_index

CHUNK = 1 << 20
TIMEOUT_S = 20.0
ATTEMPTS = 5
"""How often in a row a transfer may fail without a byte more."""
LOCK = ".download.lock"


def plan_files(hub_id: str, half_precision: bool) -> Iterator[DownloadPlan]:
    """Yield the one plan for a hub id. half_precision: fp16 weights where there are any.

    Raises PrefPaintError where the hub does not answer, has no such model or none that can fill.
    """
    with _hub_errors(hub_id):
        from huggingface_hub import HfApi

        info = HfApi(library_name="prefpaint").model_info(
            hub_id, files_metadata=True, timeout=TIMEOUT_S
        )
        revision, licence = info.sha or "main", _licence(info.card_data)
        files = [
            HubFile(
                entry.rfilename,
                entry.size or 0,
                (entry.lfs.sha256 if entry.lfs else entry.blob_id) or "",
            )
            for entry in info.siblings or []
        ]
        if hub_id == REWARD_HUB_ID:
            yield DownloadPlan(hub_id, revision, licence, tuple(reward_files(files)), False)
            return
        if INDEX not in (file.name for file in files):
            raise PrefPaintError(
                f"{hub_id} is no diffusers pipeline: it has no {INDEX}. If it holds one "
                ".safetensors file with a whole model, save that and name its path."
            )
        content = b"".join(_chunks(hub_id, revision, HubFile(INDEX, 0, ""), 0))
        index = parse_index(content, f"{hub_id}/{INDEX}")
        refuse_pipeline_that_cannot_fill(index.pipeline, hub_id)
        needed = tuple(needed_files(files, index, half_precision))
        yield DownloadPlan(hub_id, revision, licence, needed, half_precision)


def fetch(plan: DownloadPlan, folder: Path) -> Iterator[tuple[int, str]]:
    """Fetch what is not in the folder yet; yields (bytes of the plan that are there, file's name).

    A file that breaks off stays as .part and goes on from there the next time; each is checked
    against the hub's digest before it gets its name. Raises PrefPaintError.
    """
    with _hub_errors(plan.hub_id), _only_one(folder):
        done = 0
        for file in plan.files:
            path, part = folder / file.name, part_of(folder, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not _is_sound(path, file):
                for have in _fetch_one(plan, file, part):
                    yield done + have, file.name
                if not _is_sound(part, file):
                    part.unlink()
                    raise PrefPaintError(
                        f"{file.name} of {plan.hub_id} arrived damaged and was deleted. Download "
                        "again: what is already there stays."
                    )
                part.replace(path)
            done += file.size
            yield done, file.name
        for stale in folder.rglob(f"*{PART}"):
            stale.unlink()


def _fetch_one(plan: DownloadPlan, file: HubFile, part: Path) -> Iterator[int]:
    """Append to the part until it has the file's size; yields its size so far."""
    import httpx2

    failures = 0
    with part.open("ab") as sink:
        while (start := sink.tell()) < file.size:
            try:
                for chunk in _chunks(plan.hub_id, plan.revision, file, start):
                    sink.write(chunk)
                    yield sink.tell()
                if sink.tell() == start:
                    break
            except httpx2.TransportError:
                failures = failures + 1 if sink.tell() == start else 0
                if failures == ATTEMPTS:
                    raise
                time.sleep(failures / 2)


def _chunks(hub_id: str, revision: str, file: HubFile, start: int) -> Iterator[bytes]:
    """A file's bytes from `start` on, as they arrive."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # documented as public
        build_hf_headers,
        hf_raise_for_status,
    )

    # The person's login is for the hub alone.
    headers = build_hf_headers(library_name="prefpaint", token=False if file.url else None)
    headers["Accept-Encoding"] = "identity"
    if start:
        headers["Range"] = f"bytes={start}-"
    url = file.url or hf_hub_url(hub_id, file.name, revision=revision)
    with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT_S) as response:
        hf_raise_for_status(response)
        skip = 0 if response.status_code == 206 else start  # some mirrors always send everything
        for chunk in response.iter_bytes(CHUNK):
            if skip < len(chunk):
                yield chunk[skip:]
            skip = max(0, skip - len(chunk))


def _is_sound(path: Path, file: HubFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    if not file.digest:
        return True  # a mirror that does not tell
    is_git = len(file.digest) == 40
    digest: Any = hashlib.sha1(b"blob %d\0" % file.size) if is_git else hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == file.digest


def _licence(card: Any) -> str:
    """The licence that a model card's metadata names, "" where it names none."""
    data = card.to_dict() if card is not None else {}
    licence = data.get("license")
    if licence == "other":
        licence = data.get("license_name") or data.get("license_link") or licence
    return ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence or "")


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two downloads into one folder would spoil each other; the lock ends with its process."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise PrefPaintError(
            f"{folder.name} is already being downloaded by another PrefPaint. Wait for it to end."
        ) from error


@contextmanager
def _hub_errors(hub_id: str) -> Iterator[None]:
    """What huggingface_hub and the network raise, as sentences.

    Also the first to import huggingface_hub, which would else tell the hub what is installed here
    and which program called.
    """
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise PrefPaintError(
            f"{hub_id} is given only to those who accept its terms: do so at "
            f"https://huggingface.co/{hub_id}, log in with `hf auth login`, then download again."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise PrefPaintError(
            f"The hub has no model {hub_id}. Check the spelling; for a private one log in with "
            "`hf auth login`."
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise PrefPaintError(
            f"{hub_id} cannot be downloaded: HF_HUB_OFFLINE is set. Unset it for a download."
        ) from error
    except (errors.HfHubHTTPError, httpx2.HTTPError) as error:
        raise PrefPaintError(
            f"The hub did not answer for {hub_id} ({_first_line(error)}). Check the connection and "
            "download again: what has arrived stays."
        ) from error
    except OSError as error:
        raise PrefPaintError(
            f"{hub_id} cannot be written ({error.strerror or error}). Free some space or make the "
            "folder writable, then download again: what has arrived stays."
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
