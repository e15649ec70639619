"""The denoiser that learns, the one it began as, and what is kept of it."""

import copy
import functools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import StableDiffusionInpaintPipeline, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors import SafetensorError
from torch import Tensor, nn

from training.alignment.average import Average
from training.alignment.config import Precision, Trained
from training.alignment.encoding import PromptEncoder
from training.checkpoints import run_errors
from training.errors import PrefPaintError
from training.inpainting.diffusion.model import DiffusionModel
from training.processes import is_main_process, join_processes
from training.sharding import collected, own_part, shard

AverageName = Literal["sampling", "smooth"]
"""The weights that sample, of DiffusionNFT; and a moving average to keep at the end."""
LORA_LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2")
"""Attention and the residual blocks' convolutions."""
PREDICTIONS = ("epsilon", "v_prediction")
UNFINISHED = ".unfinished"
"""A folder beside what a run leaves, in which that is written."""


def _parts(unet: Any) -> list[nn.Module]:
    """All of the UNet, from the inside out."""
    inner = [
        part for part in unet.modules() if isinstance(part, BasicTransformerBlock | ResnetBlock2D)
    ]
    blocks = [*unet.down_blocks, unet.mid_block, *unet.up_blocks]
    return [*inner, *(block for block in blocks if block is not None), unet]


def result_path(trained: Trained, out: Path) -> Path:
    """What a run leaves in its folder: a LoRA file, or a pipeline's folder."""
    name = "pipeline" if trained == "full" else "pytorch_lora_weights.safetensors"
    return out / name


class Policy:
    """An inpainting UNet of 9 input channels that learns, whole or through a LoRA.

    precision: of what goes through the UNet, and through the one it began as; all weights, and what
    comes out, are fp32.
    averages: of the weights that learn, where the run keeps some (`keep_average`). unet_calls: how
    many latents have gone through the UNet, or through the one it began as. is_sharded: whether the
    weights are split among processes, see `shard`.

    Raises PrefPaintError for a model that is no inpainting model, or predicts neither the noise nor
    the velocity.
    """

    def __init__(
        self,
        model: DiffusionModel,
        trained: Trained,
        rank: int,
        seed: int,
        precision: Precision = "fp32",
    ) -> None:
        unet = model.unet
        latent = model.vae.config.latent_channels
        if unet.config.in_channels != 2 * latent + 1:
            raise PrefPaintError(
                f"The model takes {unet.config.in_channels} channels and is no inpainting model "
                f"of {2 * latent + 1}. Name an inpainting model."
            )
        predicts = model.scheduler("ddim").config.prediction_type
        if predicts not in PREDICTIONS:
            raise PrefPaintError(
                f"The model's scheduler says that it predicts {predicts!r}; alignment knows "
                f"{' and '.join(PREDICTIONS)}. Name another model."
            )
        self.model = model
        self.encode = PromptEncoder(model)
        self.trained = trained
        self.averages: dict[AverageName, Average] = {}
        model.use_full_precision()  # what learns in half precision loses its small steps
        unet.requires_grad_(False)
        self._original: Any = None
        if trained == "lora":
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                unet.add_adapter(
                    LoraConfig(
                        r=rank,
                        lora_alpha=rank,
                        init_lora_weights="gaussian",
                        target_modules=list(LORA_LAYERS),
                    )
                )
        else:
            self._original = copy.deepcopy(unet)
            unet.requires_grad_(True)
        self.unet_calls = 0
        self.is_sharded = False
        for network in self._networks():
            network.register_forward_pre_hook(self._count)
            if precision == "bf16":
                network.forward = self._in_bf16(network.forward)
        self._learned = self._find_learned()

    def _networks(self) -> list[Any]:
        """The UNet, and the one it began as where that is another."""
        return [self.unet] if self._original is None else [self.unet, self._original]

    def _in_bf16(self, forward: Any) -> Any:
        """All passes alike, so that a likelihood is the same when a step is taken and looked at."""

        @functools.wraps(forward)
        def autocast(*inputs: Any, **options: Any) -> Any:
            with torch.autocast(self.model.device.type, torch.bfloat16):
                return forward(*inputs, **options)

        return autocast

    def _find_learned(self) -> dict[str, torch.nn.Parameter]:
        return {
            name: parameter
            for name, parameter in self.unet.named_parameters()
            if parameter.requires_grad  # not while the adapters are disabled
        }

    def shard(self, device: torch.device) -> None:
        """Split the UNet, and the one it began as, among the processes, each on its `device`.

        Before averages and an optimiser are made. The model is on the processor till then, for a
        device need not hold the whole. Raises PrefPaintError where there is but one process.
        """
        processes = join_processes().num_processes
        if processes == 1:
            raise PrefPaintError(
                "--shard splits the model among processes, and there is one. Start several with "
                "`accelerate launch -m training align ...`, or leave it out."
            )
        for network in self._networks():
            shard(_parts(network), device, processes)
        self.model.place_around_unet(device)
        self._learned = self._find_learned()
        self.is_sharded = True

    def _count(self, _unet: Any, inputs: tuple[Any, ...]) -> None:
        self.unet_calls += len(inputs[0])

    @property
    def unet(self) -> Any:
        return self.model.unet

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """Those that learn."""
        return list(self._learned.values())

    @contextmanager
    def as_it_began(self) -> Iterator[Any]:
        """The UNet before any step, without gradients."""
        with torch.no_grad():
            if self.trained == "full":
                yield self._original
                return
            self.unet.disable_adapters()
            try:
                yield self.unet
            finally:
                self.unet.enable_adapters()

    def beginning(self) -> dict[str, Tensor]:
        """The UNet's weights before any step, by name, without a LoRA's."""
        unet = self._original if self.trained == "full" else self.unet
        return {name: value for name, value in unet.state_dict().items() if "lora_" not in name}

    def keep_average(self, name: AverageName) -> None:
        """Begin an average of the weights as they are now, if there is none."""
        if name not in self.averages:
            self.averages[name] = Average(self._learned)

    @contextmanager
    def as_average(self, name: AverageName) -> Iterator[Any]:
        """The UNet with this average's weights, without gradients; as it is where none is kept."""
        average = self.averages.get(name)
        with torch.no_grad() if average is None else average.in_place():
            yield self.unet

    def state(self) -> dict[str, Tensor]:
        """Weights that learn, by name, and their averages, for a checkpoint; whole, in the main
        process alone."""
        found: dict[str, Tensor] = dict(self._learned)
        for kind, average in self.averages.items():
            found |= {f"{kind}/{name}": value for name, value in average.weights.items()}
        return collected(found.items())

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up weights of `state`, of a policy that keeps the same averages."""
        with torch.no_grad():
            for name, parameter in self._learned.items():
                parameter.copy_(own_part(state[name], parameter))
        for kind, average in self.averages.items():
            start = f"{kind}/"
            average.load(
                {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
            )

    def save(self, out: Path) -> Path:
        """Write what the app and diffusers load: a LoRA file, or a pipeline's folder.

        Of the moving average, where one is kept. Every process takes part where the model is split,
        and the main one writes. Nobody finds half of it, also after a kill.
        Raises PrefPaintError when the disk is full or not writable; what was there stays.
        """
        made, unfinished = result_path(self.trained, out), out / UNFINISHED
        with run_errors(out), self.as_average("smooth"):
            weights = self._kept()
            if not is_main_process():
                return made
            shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
            try:
                self._write(unfinished, weights)
                if made.is_dir():  # a folder that holds something cannot be replaced
                    made.rename(unfinished / "before")
                (unfinished / made.name).replace(made)
            except SafetensorError as error:
                raise OSError(str(error)) from error
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return made

    def _kept(self) -> dict[str, Tensor]:
        if self.trained == "full":
            return collected(self.unet.state_dict().items())
        # With PEFT's own names: those of diffusers lose attention outside of transformers.
        return collected(get_peft_model_state_dict(self.unet).items())

    def _write(self, folder: Path, weights: dict[str, Tensor]) -> None:
        if self.trained == "lora":
            StableDiffusionInpaintPipeline.save_lora_weights(folder, unet_lora_layers=weights)
            return
        with torch.device("meta"):
            unet = UNet2DConditionModel.from_config(self.unet.config)
        unet.load_state_dict(weights, assign=True)
        pipeline = copy.copy(self.model.pipeline)
        pipeline.unet = unet
        pipeline.save_pretrained(result_path(self.trained, folder), safe_serialization=True)
