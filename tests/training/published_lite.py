"""EfficientNet-Lite0 in the layout its weights are published in, drawn at random, and its forward
pass as they are used there: convolution, batch normalisation, TensorFlow's padding."""

import torch
from torch import Tensor
from torch.nn import functional

BLOCKS = (
    (1, 16, 3, 1),
    *((6, 24, 3, 2), (6, 24, 3, 1)),
    *((6, 40, 5, 2), (6, 40, 5, 1)),
    *((6, 80, 3, 2), (6, 80, 3, 1), (6, 80, 3, 1)),
    *((6, 112, 5, 1), (6, 112, 5, 1), (6, 112, 5, 1)),
    *((6, 192, 5, 2), (6, 192, 5, 1), (6, 192, 5, 1), (6, 192, 5, 1)),
)
"""(expansion, width, kernel, stride)"""


def published_lite() -> dict[str, Tensor]:
    """Random tensors under the published names."""
    torch.manual_seed(0)
    tensors = {"_fc.weight": torch.rand(10, 1280)}

    def draw(conv: str, norm: str, *shape: int) -> None:
        inputs = shape[1] * shape[2] * shape[3]
        tensors[f"{conv}.weight"] = torch.randn(shape) * (2 / inputs) ** 0.5
        tensors[f"{norm}.weight"] = torch.rand(shape[0]) + 0.5
        tensors[f"{norm}.bias"] = torch.rand(shape[0])
        tensors[f"{norm}.running_mean"] = torch.randn(shape[0]) * 0.2
        tensors[f"{norm}.running_var"] = torch.rand(shape[0]) + 0.5
        tensors[f"{norm}.num_batches_tracked"] = torch.tensor(0)

    draw("_conv_stem", "_bn0", 32, 3, 3, 3)
    entering = 32
    for number, (expansion, width, kernel, _) in enumerate(BLOCKS):
        inner, block = entering * expansion, f"_blocks.{number}."
        if expansion > 1:
            draw(f"{block}_expand_conv", f"{block}_bn0", inner, entering, 1, 1)
        draw(f"{block}_depthwise_conv", f"{block}_bn1", inner, 1, kernel, kernel)
        draw(f"{block}_project_conv", f"{block}_bn2", width, inner, 1, 1)
        entering = width
    return tensors


def reference_pass(tensors: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """images: (n, 3, s, s) in 0-1; gives what comes out of the stem and of each block."""

    def layer(x: Tensor, conv: str, norm: str, stride: int, groups: int = 1) -> Tensor:
        weight = tensors[f"{conv}.weight"]
        total = max(weight.shape[-1] - (stride if x.shape[-1] % stride == 0 else 1), 0)
        before, after = total // 2, total - total // 2
        x = functional.pad(x, (before, after, before, after))
        x = functional.conv2d(x, weight, stride=stride, groups=groups)
        names = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(x, *(tensors[f"{norm}.{name}"] for name in names), eps=1e-3)

    x = functional.relu6(layer((images * 255 - 127) / 128, "_conv_stem", "_bn0", 2))
    outputs = [x]
    for number, (expansion, width, _, stride) in enumerate(BLOCKS):
        block, inner = f"_blocks.{number}.", x
        if expansion > 1:
            inner = functional.relu6(layer(x, f"{block}_expand_conv", f"{block}_bn0", 1))
        convolved = (f"{block}_depthwise_conv", f"{block}_bn1", stride, inner.shape[1])
        inner = functional.relu6(layer(inner, *convolved))
        inner = layer(inner, f"{block}_project_conv", f"{block}_bn2", 1)
        x = x + inner if stride == 1 and x.shape[1] == width else inner
        outputs.append(x)
    return outputs
