"""`prefpaint-train`: reward learning and alignment from the terminal."""

import typer

from training.commands import (
    align,
    evaluate,
    eye,
    pairs,
    pretrain,
    prompts,
    reproduce,
    reward,
    sample_pairs,
)

app = typer.Typer(
    name="prefpaint-train",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def _commands() -> None:
    """Train PrefPaint's reward model, measure it, and align inpainting models with it."""


for _command in (
    pairs.pairs,
    reward.reward,
    reward.evaluate_reward,
    reward.convert_reward,
    eye.eye_sheets,
    eye.eye_ranking,
    eye.eye_pairs,
    prompts.prompts,
    sample_pairs.sample_pairs,
    pretrain.pretrain,
    align.align,
    evaluate.evaluate,
    reproduce.reproduce,
):
    app.command()(_command)
