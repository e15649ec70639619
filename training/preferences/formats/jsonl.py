"""An archive of everything, which `import` reads back: a JSON object a strip, and pictures."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from training.preferences.formats.archive_rows import (
    MANIFEST,
    STRIPS,
    FileRow,
    Manifest,
    StripRow,
)
from training.preferences.images import encode_png, pixel_hash
from training.preferences.records import StoredPresentation
from training.preferences.rows import hole_picture

CARD = """\
`prefpaint preferences import DIR` reads this folder, or a .zip or .tar of it, and adds what is not
there yet; into an empty store, that gives the store again.

- `strips.jsonl`: {rows} strips, one object each: what was shown and what was said of it. Pictures
  are named by a hash of their shape and pixels. `rating` holds the three criteria: structure,
  texture, overall feeling.
- `images/<hash>.png`: the regions (`image`), their holes (`hole`, white) and the fills (`pixels`).
- `manifest.json`: size and SHA-256 of every file. A changed archive is not imported."""


def write(strips: Iterable[StoredPresentation], folder: Path) -> int:
    """Write the archive, unsealed, to an existing folder; returns how many strips it holds."""
    count = 0
    images = folder / "images"
    images.mkdir()
    with (folder / STRIPS).open("w", encoding="utf-8") as file:
        for strip in strips:
            shown = strip.presentation
            for pixels in (shown.image, hole_picture(shown), *(c.pixels for c in shown.candidates)):
                path = images / f"{pixel_hash(pixels)}.png"
                if not path.exists():
                    path.write_bytes(encode_png(pixels))
            file.write(StripRow.of(strip).model_dump_json() + "\n")
            count += 1
    return count


def seal(folder: Path) -> None:
    """Write the manifest over all other files: the last thing that is written."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = path.relative_to(folder).as_posix()
            files[name] = FileRow(bytes=path.stat().st_size, sha256=digest)
    (folder / MANIFEST).write_text(Manifest(files=files).model_dump_json(indent=1))
