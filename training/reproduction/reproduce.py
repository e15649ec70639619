"""The whole proof, stage after stage; what is there already is not made again."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from training.checkpoints import claim, run_errors
from training.inpainting.diffusion.devices import pick_device
from training.inpainting.diffusion.loading import load_model
from training.inpainting.settings import DeviceName
from training.pretraining.presets import PRESETS, PresetName
from training.pretraining.run import pretrain
from training.prompts.photos import split_of
from training.reproduction.data import Bar
from training.reproduction.presets import PROOFS
from training.reproduction.rankings import Ranking, take_in_ranking, write_ranking_sheets
from training.reproduction.report import write_report
from training.reproduction.rounds import Common, Round
from training.reward.lite_stages import lite_weights
from training.run_log import alone_in


def reproduce(
    photos: Sequence[Path],
    preset: PresetName,
    seed: int,
    out: Path,
    device: DeviceName,
    processes: int,
    bar: Bar,
) -> Path:
    """Pretrain, teach reward and judge, align in every way, fill the test prompts, compare, and
    write the report; gives its path.

    Photos, pretraining, prompts and pairs of known order are shared; the rest of a round lies in a
    folder of its own. Each begins with fills to be ranked by eye, the first round's by the base
    alone; once they were, the next aligns by them and ranks what came of it. The round whose fills
    nobody ranked goes on to the report. Run again with the same words it goes on where it was
    interrupted. processes: alignment runs at a time. Raises PrefPaintError that says which part
    cannot go on and why, and where `out` holds the proof of other photos, another seed or preset,
    or is in use.
    """
    proof = PROOFS[preset]
    if "lite" in (proof.reward.encoder.kind, proof.judge.encoder.kind):
        lite_weights()  # hours before they are read
    shown = hashlib.sha256("\n".join(path.name for path in photos).encode()).hexdigest()[:16]
    with run_errors(out), alone_in(out):
        claim(
            out / "settings.json",
            {"preset": preset, "seed": seed, "photos": shown, "proof": asdict(proof)},
        )
        base = _pretrained(photos, preset, seed, out, device, bar)
        model = load_model(base, device)
        common = Common(photos, preset, proof, seed, out, base, model, device, bar)
        rankings: list[Ranking] = []
        while True:
            one = Round(common, rankings, processes)
            task = common.ranking_task(one.number, one.begin())
            write_ranking_sheets(task)
            ranking = take_in_ranking(task)
            if ranking is None:
                return write_report(one.finish())
            rankings.append(ranking)


def _pretrained(
    photos: Sequence[Path], preset: PresetName, seed: int, out: Path, device: DeviceName, bar: Bar
) -> Path:
    folder = out / "pretraining"
    if (folder / "pipeline" / "model_index.json").exists():
        return folder / "pipeline"
    learned = [path for path in photos if split_of(path) == "train"]
    held_out = [path for path in photos if split_of(path) == "validation"]
    return pretrain(learned, held_out, PRESETS[preset], seed, folder, pick_device(device), bar)
