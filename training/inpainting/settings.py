"""How a diffusion model is asked to fill. Torch-free; kept with every candidate."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

SamplerName = Literal["dpm++", "ddim", "euler", "euler-a", "unipc"]
"""dpm++: DPM-Solver++ 2M with Karras sigmas. ddim: the one with log-probabilities where eta > 0."""
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)
DeviceName = Literal["auto", "cuda", "xpu", "mps", "cpu"]
DEVICES: tuple[DeviceName, ...] = get_args(DeviceName)
DtypeName = Literal["auto", "fp32", "bf16", "fp16"]
DTYPES: tuple[DtypeName, ...] = get_args(DtypeName)


@dataclass(frozen=True)
class DiffusionSettings:
    """prompt, negative_prompt: may be empty; equal ones cost no second pass through the UNet.

    guidance: classifier-free guidance scale; 1 or less is off. eta: 0 (DDIM) to 1 (DDPM), for
    the sampler "ddim" alone. keep: how many of the request's seeds are kept; the others are
    dropped on the way by their reward (None: all). loras: .safetensors files at full strength.
    match_colour: lead the fill's colours to the photo's by the pixels known to both.
    """

    prompt: str = ""
    negative_prompt: str = ""
    steps: int = 30
    guidance: float = 7.5
    sampler: SamplerName = "dpm++"
    eta: float = 0.0
    keep: int | None = None
    match_colour: bool = True
    loras: tuple[Path, ...] = ()
