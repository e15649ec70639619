"""What the window remembers between two starts.

Checked by hand: pydantic alone would add a third to the time until the window shows.
"""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from prefpaint_gui.state.models import BUILTIN, PATCHMATCH
from prefpaint_gui.state.options import (
    HIGHEST_GUIDANCE,
    LARGEST_FEATHER,
    LARGEST_PADDING,
    LARGEST_SEED,
    LOWEST_GUIDANCE,
    MOST_CANDIDATES,
    MOST_EXPLORED,
    MOST_STEPS,
    OptionValues,
)
from prefpaint_gui.state.personal import PersonalValues
from prefpaint_gui.state.rater import LONGEST_NAME
from training.inpainting.settings import (
    DEVICES,
    SAMPLERS,
    DeviceName,
    DiffusionSettings,
    SamplerName,
)
from training.preferences.records import DEFAULT_PERSON

THEMES = ("system", "dark", "light")
OPTIONS = ("show_regions", "model", "count", "explore", "padding", "feather", "seed")
DIFFUSION_SETTINGS = (
    *("prompt", "negative_prompt", "steps", "guidance", "sampler", "eta", "match_colour"),
)
PERSONAL = ("profile", "profiles", "personal_order", "asks", "keeps_photos", "learned_since")
"""What is kept of OptionValues, DiffusionSettings and PersonalValues, under the same names."""


@dataclass(frozen=True)
class Settings:
    """geometry: Qt's own description of the window's place, base64. theme: one of THEMES.
    device: what diffusion models compute on.

    last_folder: where files were opened or saved last. reward: what ranks the fills, BUILTIN or a
    file. From show_regions on, see OptionValues, DiffusionSettings and PersonalValues. Raises
    ValueError for anything out of its range.
    """

    last_folder: str | None = None
    geometry: str = ""
    theme: str = "system"
    device: DeviceName = "auto"
    panel_open: bool = True
    reward: str = BUILTIN
    show_regions: bool = True
    model: str = PATCHMATCH.name
    count: int = 4
    explore: int | None = None
    padding: int | None = None
    feather: int = 0
    seed: int = 0
    prompt: str = ""
    negative_prompt: str = ""
    steps: int = 30
    guidance: float = 7.5
    sampler: SamplerName = "dpm++"
    eta: float = 0.0
    match_colour: bool = True
    loras: tuple[str, ...] = ()
    profile: str = DEFAULT_PERSON
    profiles: tuple[str, ...] = (DEFAULT_PERSON,)
    personal_order: bool = True
    asks: bool = False
    keeps_photos: bool = False
    learned_since: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        valid = (
            isinstance(self.last_folder, str | None)
            and all(
                isinstance(text, str)
                for text in (
                    *(self.geometry, self.reward),
                    *(self.model, self.prompt, self.negative_prompt),
                )
            )
            and self.theme in THEMES
            and self.device in DEVICES
            and isinstance(self.panel_open, bool)
            and isinstance(self.show_regions, bool)
            and _is_within(self.count, 1, MOST_CANDIDATES)
            and (self.explore is None or _is_within(self.explore, 1, MOST_EXPLORED))
            and (self.padding is None or _is_within(self.padding, 0, LARGEST_PADDING))
            and _is_within(self.feather, 0, LARGEST_FEATHER)
            and _is_within(self.seed, 0, LARGEST_SEED)
            and _is_within(self.steps, 1, MOST_STEPS)
            and _is_within(self.guidance, LOWEST_GUIDANCE, HIGHEST_GUIDANCE)
            and self.sampler in SAMPLERS
            and _is_within(self.eta, 0.0, 1.0)
            and isinstance(self.match_colour, bool)
            and isinstance(self.loras, tuple)
            and all(isinstance(path, str) for path in self.loras)
            and isinstance(self.profiles, tuple)
            and all(_is_name(name) for name in self.profiles)
            and self.profile in self.profiles
            and isinstance(self.personal_order, bool)
            and isinstance(self.asks, bool)
            and isinstance(self.keeps_photos, bool)
            and isinstance(self.learned_since, dict)
            and all(isinstance(time, str) for time in self.learned_since.values())
        )
        if not valid:
            raise ValueError(f"not valid: {self}")


def _is_within(value: Any, lowest: float, highest: float) -> bool:
    """Whole numbers where the bounds are; true and false are no numbers."""
    kinds = (int,) if isinstance(lowest, int) else (int, float)
    return type(value) in kinds and lowest <= value <= highest


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME


def option_values(settings: Settings) -> OptionValues:
    """The options to start with."""
    kept = asdict(settings)
    diffusion = DiffusionSettings(
        **{name: kept[name] for name in DIFFUSION_SETTINGS},
        loras=tuple(map(Path, settings.loras)),
    )
    return OptionValues(**{name: kept[name] for name in OPTIONS}, settings=diffusion)


def with_options(settings: Settings, values: OptionValues) -> Settings:
    """The settings with the options to start with next time."""
    options = {name: getattr(values, name) for name in OPTIONS}
    diffusion = {name: getattr(values.settings, name) for name in DIFFUSION_SETTINGS}
    loras = tuple(map(str, values.settings.loras))  # JSON knows no paths
    return replace(settings, **options, **diffusion, loras=loras)


def personal_values(settings: Settings) -> PersonalValues:
    """Whose opinions are kept, to start with."""
    return PersonalValues(**{name: getattr(settings, name) for name in PERSONAL})


def with_personal(settings: Settings, values: PersonalValues) -> Settings:
    """The settings with the profile to start with next time."""
    return replace(settings, **{name: getattr(values, name) for name in PERSONAL})


def with_profiles_of(settings: Settings, kept: Settings) -> Settings:
    """The settings with the profiles of others too, and the later reset of each profile.

    Two windows write to one file: neither may undo what was reset or begun in the other.
    """
    since = dict(kept.learned_since)
    for name, time in settings.learned_since.items():
        since[name] = max(time, since.get(name, ""))  # UTC, all in one form: they sort as text
    profiles = tuple(dict.fromkeys((*kept.profiles, *settings.profiles)))
    return replace(settings, profiles=profiles, learned_since=since)


def load_settings(path: Path) -> Settings:
    """The kept settings; the defaults where the file is missing or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in fields(Settings)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value  # JSON knows no tuples
            for name, value in kept.items()
            if name in known
        }
        return Settings(**values)
    except (OSError, ValueError, AttributeError):
        return Settings()


def save_settings(settings: Settings, path: Path) -> None:
    """Write the settings; raises OSError where the folder cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(settings), indent=2), encoding="utf-8")
    partial.replace(path)
