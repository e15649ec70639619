"""The denoising loop against diffusers' own pipelines, and what it promises to alignment."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionInpaintPipeline
from PIL import Image

from tests.training.tiny_models import Kind, make_pipeline
from training.inpainting.diffusion.batch import Batch
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.sampler import Step, ddim_step, denoise, log_probability
from training.inpainting.settings import SAMPLERS, DiffusionSettings, SamplerName

SIZE, STEPS = 128, 5
KINDS: tuple[Kind, ...] = ("sd-inpaint", "sd-plain", "sdxl-inpaint")


def make_model(kind: Kind = "sd-inpaint") -> DiffusionModel:
    pipeline = make_pipeline(kind)
    if kind == "sd-plain":
        parts = {**pipeline.components, "requires_safety_checker": False}
        pipeline = StableDiffusionInpaintPipeline(**parts)
        pipeline.set_progress_bar_config(disable=True)
    return DiffusionModel(pipeline, torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def models() -> dict[str, DiffusionModel]:
    return {kind: make_model(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def photo() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    hole = np.zeros((SIZE, SIZE), bool)
    hole[35:90, 41:77] = True
    return rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8), hole


def ours(
    model: DiffusionModel, photo: Any, seeds: list[int], settings: DiffusionSettings
) -> np.ndarray:
    batch = Batch(model, model.encode_photo(*photo), seeds, settings, lambda _: None)
    return np.stack(model.decode(batch.advance(settings.steps)))


def streams(seeds: list[int], draws: int) -> list[torch.Generator]:
    """Generators that have drawn noise of the latents' shape some times."""
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    for generator in generators:
        for _ in range(draws):
            torch.randn((1, 4, SIZE // 8, SIZE // 8), generator=generator)
    return generators


def theirs(
    model: DiffusionModel, photo: Any, seeds: list[int], settings: DiffusionSettings, kind: Kind
) -> np.ndarray:
    """The pipeline's pictures.

    In a batch it draws the encoder's noise from the first seed's stream alone, which would make a
    candidate depend on its place in the batch; there it is handed each seed's own stream.
    """
    pipeline, extra = model.pipeline, {}
    pipeline.scheduler = model.scheduler(settings.sampler)
    generators = streams(seeds, 0)
    if len(seeds) > 1:
        encodings = 2 if kind == "sd-plain" else 1
        shape = (1, 4, SIZE // 8, SIZE // 8)
        latents = [torch.randn(shape, generator=g) for g in streams(seeds, encodings - 1)]
        generators = streams(seeds, encodings + 1)
        generators[0] = streams(seeds[:1], 1)[0]
        extra["latents"] = torch.cat(latents)
    if kind == "sdxl-inpaint":
        extra["strength"] = 1.0
    image, hole = photo
    pictures = pipeline(
        settings.prompt,
        negative_prompt=settings.negative_prompt,
        image=Image.fromarray(image),
        mask_image=Image.fromarray(hole.astype(np.uint8) * 255),
        height=SIZE,
        width=SIZE,
        num_inference_steps=settings.steps,
        guidance_scale=settings.guidance,
        eta=settings.eta,
        generator=generators,
        num_images_per_prompt=len(seeds),
        output_type="np",
        **extra,
    ).images
    return np.rint(pictures * 255).astype(int)


@pytest.mark.parametrize("seeds", [[3], [3, 4, 5, 6]], ids=["one", "four"])
@pytest.mark.parametrize("guidance", [1.0, 7.5])
@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_gives_the_pipelines_pictures(
    models: dict[str, DiffusionModel],
    photo: Any,
    kind: Kind,
    eta: float,
    guidance: float,
    seeds: list[int],
) -> None:
    settings = DiffusionSettings(
        "a cat", "blurry", steps=STEPS, guidance=guidance, sampler="ddim", eta=eta
    )
    expected = theirs(models[kind], photo, seeds, settings, kind)
    distance = np.abs(ours(models[kind], photo, seeds, settings) - expected)
    assert distance.max() <= 1
    assert len({picture.tobytes() for picture in expected}) == len(seeds)


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "ddim"])
def test_every_solver_gives_the_pipelines_picture(
    models: dict[str, DiffusionModel], photo: Any, sampler: SamplerName
) -> None:
    settings = DiffusionSettings("a cat", steps=STEPS, sampler=sampler)
    expected = theirs(models["sd-inpaint"], photo, [7], settings, "sd-inpaint")
    distance = np.abs(ours(models["sd-inpaint"], photo, [7], settings) - expected)
    assert distance.max() <= 1


def count_passes(model: DiffusionModel, photo: Any, settings: DiffusionSettings) -> int:
    passes = 0

    def count(_: Any, arguments: tuple[torch.Tensor, ...]) -> None:
        nonlocal passes
        passes += len(arguments[0])

    handle = model.unet.register_forward_pre_hook(count)
    try:
        ours(model, photo, [1], settings)
    finally:
        handle.remove()
    return passes


def test_equal_prompts_need_no_second_pass(models: dict[str, DiffusionModel], photo: Any) -> None:
    model = models["sd-inpaint"]
    empty = DiffusionSettings(steps=STEPS, sampler="ddim")
    assert count_passes(model, photo, empty) == STEPS
    guided = DiffusionSettings("a cat", steps=STEPS, sampler="ddim")
    assert count_passes(model, photo, guided) == 2 * STEPS
    same = theirs(model, photo, [1], empty, "sd-inpaint")
    assert np.abs(ours(model, photo, [1], empty) - same).max() <= 1


def steps_of(model: DiffusionModel, photo: Any, eta: float, seeds: list[int]) -> list[Step]:
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    start = model.start(model.encode_photo(*photo), generators)
    return list(
        denoise(
            model.unet,
            model.scheduler("ddim"),
            start,
            model.conditioning("", "", 1.0, SIZE, SIZE),
            steps=STEPS,
            eta=eta,
            generators=generators,
        )
    )


def test_log_probability_is_the_gaussians(models: dict[str, DiffusionModel], photo: Any) -> None:
    for step in steps_of(models["sd-inpaint"], photo, 1.0, [1, 2]):
        assert step.mean is not None
        assert step.std is not None
        assert step.log_probability is not None
        normal = torch.distributions.Normal(step.mean, step.std)
        expected = normal.log_prob(step.latents).mean(dim=(1, 2, 3))
        torch.testing.assert_close(step.log_probability, expected)
        assert step.log_probability.shape == (2,)


def test_without_noise_there_is_no_log_probability(
    models: dict[str, DiffusionModel], photo: Any
) -> None:
    for step in steps_of(models["sd-inpaint"], photo, 0.0, [1]):
        assert step.log_probability is None
        assert torch.equal(step.latents, step.mean)


def test_log_probability_is_highest_at_the_mean() -> None:
    mean, std = torch.zeros(1, 4), torch.tensor(0.5)
    near, far = log_probability(mean, mean, std), log_probability(mean + 1, mean, std)
    assert near > far


@pytest.mark.parametrize("sampler", ["ddim", "dpm++", "euler-a", "unipc"])
def test_a_candidate_does_not_depend_on_its_batch_or_on_dropped_ones(
    models: dict[str, DiffusionModel], photo: Any, sampler: SamplerName
) -> None:
    model = models["sd-inpaint"]
    settings = DiffusionSettings("a cat", steps=STEPS, sampler=sampler, eta=1.0)
    alone = ours(model, photo, [5], settings)[0].astype(int)
    together = Batch(model, model.encode_photo(*photo), [4, 5, 6], settings, lambda _: None)
    together.advance(2)
    together.keep([6, 5])
    latents = together.advance(STEPS)
    assert len(latents) == 2
    pictures = model.decode(latents)
    assert np.abs(pictures[together.seeds.index(5)] - alone).max() <= 1


@pytest.mark.parametrize("steps", [12, 20, 29, 50])
def test_a_schedule_that_begins_with_noise_alone_takes_a_first_step_at_eta_1(steps: int) -> None:
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=False,
    )
    scheduler.set_timesteps(steps)
    output, latents = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    before, after = (int(timestep) for timestep in scheduler.timesteps[:2])
    mean, predicted, std = ddim_step(scheduler, output, before, latents, 1.0)
    share = scheduler.alphas_cumprod[after]
    torch.testing.assert_close(mean, share**0.5 * predicted)
    torch.testing.assert_close(std, (1 - share) ** 0.5)
