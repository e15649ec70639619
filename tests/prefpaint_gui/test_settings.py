"""Settings survive, and a damaged file does no harm."""

import json
from pathlib import Path

import pytest

from prefpaint_gui.settings import Settings, load_settings, save_settings, with_profiles_of


def test_settings_come_back(tmp_path: Path):
    path = tmp_path / "folder" / "settings.json"
    settings = Settings(theme="light", count=7, last_folder=str(tmp_path), padding=32)
    save_settings(settings, path)
    assert load_settings(path) == settings


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"count": 99}', b'{"feather": "wide"}', b"\xff\xfe", b"null"]
)
def test_a_damaged_file_gives_the_defaults(tmp_path: Path, content: bytes):
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    assert load_settings(path) == Settings()


def test_a_missing_file_gives_the_defaults(tmp_path: Path):
    assert load_settings(tmp_path / "none.json") == Settings()


def test_what_a_later_version_wrote_is_passed_over(tmp_path: Path):
    path = tmp_path / "settings.json"
    path.write_text('{"count": 3, "unheard_of": 1}')
    assert load_settings(path) == Settings(count=3)


@pytest.mark.parametrize(
    "damage",
    [
        {"steps": 0},
        {"steps": 151},
        {"steps": 30.5},
        {"guidance": 0.5},
        {"guidance": float("nan")},
        {"guidance": True},
        {"sampler": "magic"},
        {"sampler": ["ddim"]},
        {"eta": 1.1},
        {"explore": 0},
        {"seed": -1},
        {"prompt": None},
        {"model": 5},
        {"show_regions": 1},
        {"profile": "nobody"},
        {"profiles": []},
        {"profiles": "me"},
        {"profiles": ["me", ""]},
        {"personal_order": None},
        {"learned_since": {"me": 3}},
    ],
)
def test_what_no_model_could_be_asked_gives_the_defaults(tmp_path: Path, damage: dict[str, object]):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(damage))
    assert load_settings(path) == Settings()


def test_profiles_of_two_windows_are_joined_and_the_later_reset_holds():
    early, late = "2026-01-02T03:04:05.678+00:00", "2026-01-02T03:04:06.000+00:00"
    kept = Settings(
        theme="dark", profiles=("me", "Ann"), learned_since={"me": late, "Ann": early, "Bob": early}
    )
    own = Settings(
        profile="Bob", profiles=("me", "Bob"), learned_since={"me": early, "Bob": late}, count=2
    )
    assert with_profiles_of(own, kept) == Settings(
        profile="Bob",
        profiles=("me", "Ann", "Bob"),
        learned_since={"me": late, "Ann": early, "Bob": late},
        count=2,
    )
