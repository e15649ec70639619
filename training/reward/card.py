"""A reward model's figures on held-out photos, beside simple baselines, as Markdown and JSON."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from training.inpainting.request import Pixels
from training.prompts.photos import photo_name, read_rgb
from training.reward.evaluation import (
    Judge,
    PairAccuracy,
    accuracy,
    fill_sharpness,
    network_judge,
    pair_accuracies,
    smooth_boundary,
)
from training.reward.eye import EyeRanking, clear_pairs, photo_of, read_rankings
from training.reward.model import RewardModel, load_reward
from training.reward.pair_data import PromptPictures, load_prompts
from training.reward.pairs import render_prompt
from training.reward.view import view_boxes, view_hole, view_image, white_hole

EYE = "agreement with the eye, clear pairs"
SHEET_ROWS = 12


def write_card(
    model_path: Path,
    pair_folders: list[Path],
    photos: list[Path],
    eye_path: Path,
    out: Path,
    seed: int,
    on_progress: Callable[[float], None],
) -> None:
    """Measure the model and the baselines and write card.md, card.json and sheet.png to `out`."""
    model = load_reward(model_path)
    prompts = [prompt for folder in pair_folders for prompt in load_prompts(folder)]
    rankings = read_rankings(eye_path)
    ranked = _ranked_prompts(rankings, photos, model.network.config.image_size)
    judges: dict[str, Judge] = {
        "reward": network_judge(model.network),
        "smooth boundary": smooth_boundary,
        "fill sharpness": fill_sharpness,
    }
    figures: dict[str, list[PairAccuracy]] = {}
    for done, (name, judge) in enumerate(judges.items(), start=1):
        figures[name] = [
            *pair_accuracies(judge, prompts, seed),
            eye_agreement(judge, rankings, ranked),
        ]
        on_progress(done / len(judges))
    out.mkdir(parents=True, exist_ok=True)
    (out / "card.md").write_text(_markdown(model, figures, len(prompts), len(rankings)))
    measured = {name: [asdict(entry) for entry in entries] for name, entries in figures.items()}
    (out / "card.json").write_text(json.dumps(measured, indent=1) + "\n")
    _sheet(judges["reward"], ranked).save(out / "sheet.png")


def eye_agreement(
    judge: Judge, rankings: list[EyeRanking], ranked: list[PromptPictures]
) -> PairAccuracy:
    """Share of the pairs that the eye called clear which the judge orders alike."""
    outcomes = []
    for ranking, prompt in zip(rankings, ranked, strict=True):
        scores = judge(prompt, prompt.pictures)
        for better, worse in clear_pairs(ranking):
            outcomes.append((prompt.photo, bool(scores[better] > scores[worse])))
    return accuracy(EYE, outcomes)


def _ranked_prompts(
    rankings: list[EyeRanking], photos: list[Path], size: int
) -> list[PromptPictures]:
    """Make every ranked fill again, from the recipe that the ranking's file names."""
    paths = {path.name: path for path in photos}
    prompts = []
    for ranking in rankings:
        prompt = ranking.prompt
        hole, fills = render_prompt(read_rgb(photo_of(ranking, paths)), prompt)
        box = view_boxes(hole)[0]
        views = np.stack([view_image(fill, box, size) for fill in fills])
        kinds = tuple(recipe.kind for recipe in prompt.recipes)
        photo = photo_name(Path(prompt.photo))
        view = view_hole(hole, box, size)
        prompts.append(PromptPictures(prompt.name, photo, view, views, kinds))
    return prompts


def _sheet(judge: Judge, prompts: list[PromptPictures]) -> Image.Image:
    """The photo with its hole, then the fills, best first by the judge; a row a prompt."""
    rows: list[Pixels] = []
    for prompt in prompts[:SHEET_ROWS]:
        order = np.argsort(-judge(prompt, prompt.pictures))
        shown = [white_hole(prompt.pictures[0], prompt.hole), *prompt.pictures[order]]
        rows.append(np.concatenate(shown, axis=1))
    return Image.fromarray(np.concatenate(rows, axis=0))


def _markdown(
    model: RewardModel, figures: dict[str, list[PairAccuracy]], prompts: int, rankings: int
) -> str:
    names = [entry.name for entry in figures["reward"]]
    lines = [
        f"Held-out photos: {prompts} prompts; the reviewer's eye: {rankings} prompts. Shares in "
        "the right order, with 95 % bootstrap intervals over photos.",
        "",
        "| comparison | pairs | " + " | ".join(figures) + " |",
        "|---|---|" + "---|" * len(figures),
    ]
    for index, name in enumerate(names):
        entries = [figures[judge][index] for judge in figures]
        cells = [f"{100 * e.share:.1f} % ({100 * e.low:.1f}-{100 * e.high:.1f})" for e in entries]
        lines.append(f"| {name} | {entries[0].count} | " + " | ".join(cells) + " |")
    provenance = [f"- {key}: {value}" for key, value in model.provenance.items()]
    return "\n".join([*lines, "", *provenance, ""])
