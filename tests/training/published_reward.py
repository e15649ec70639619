"""A reward checkpoint in the published layout with random weights, and its forward pass, written
from the paper's description with plain torch functions."""

import torch
from torch import Tensor
from torch.nn import functional

from training.reward.encoders import EncoderConfig

WIDTH, LAYERS, HEADS, PATCH, SIZE, EMBEDDING = 64, 2, 4, 16, 64, 32
CONFIG = EncoderConfig(
    kind="clip",
    image_size=SIZE,
    resample="bicubic",
    clip={
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "patch_size": PATCH,
        "projection_dim": EMBEDDING,
    },
)


def published_state(prefix: str = "module.", second: int = 2) -> dict[str, Tensor]:
    """Random weights under the published names, with all that the reward does not use."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) * 0.2

    wide = 2 * EMBEDDING
    state = {
        "clip_model.logit_scale": draw(),
        "clip_model.positional_embedding": draw(77, 16),
        "clip_model.token_embedding.weight": draw(30, 16),
        "clip_model.transformer.resblocks.0.ln_1.weight": draw(16),
        "clip_model.visual.class_embedding": draw(WIDTH),
        "clip_model.visual.positional_embedding": draw((SIZE // PATCH) ** 2 + 1, WIDTH),
        "clip_model.visual.proj": draw(WIDTH, EMBEDDING),
        "clip_model.visual.conv1.weight": draw(WIDTH, 3, PATCH, PATCH),
        "mlp.layers.0.weight": draw(512, wide),
        "mlp.layers.0.bias": draw(512),
        f"mlp.layers.{second}.weight": draw(256, 512),
        f"mlp.layers.{second}.bias": draw(256),
        "mlp.last_layer.weight": draw(1, 256),
    }
    state["mlp.last_layer_weight"] = state["mlp.last_layer.weight"]
    for norm in ("ln_pre", "ln_post"):
        state[f"clip_model.visual.{norm}.weight"] = 1 + draw(WIDTH)
        state[f"clip_model.visual.{norm}.bias"] = draw(WIDTH)
    for layer in range(LAYERS):
        name = f"clip_model.visual.transformer.resblocks.{layer}."
        state |= _attention(f"{name}attn.", WIDTH, draw)
        for norm in ("ln_1", "ln_2"):
            state |= {f"{name}{norm}.weight": 1 + draw(WIDTH), f"{name}{norm}.bias": draw(WIDTH)}
        state |= {
            f"{name}mlp.c_fc.weight": draw(4 * WIDTH, WIDTH),
            f"{name}mlp.c_fc.bias": draw(4 * WIDTH),
            f"{name}mlp.c_proj.weight": draw(WIDTH, 4 * WIDTH),
            f"{name}mlp.c_proj.bias": draw(WIDTH),
        }
    for copy in ("encoder_layer.", "transformer_encoder.layers.0."):  # the first is never used
        name = f"vit_block.{copy}"
        state |= _attention(f"{name}self_attn.", wide, draw)
        for number in ("1", "2"):
            state |= {
                f"{name}linear{number}.weight": draw(wide, wide),
                f"{name}linear{number}.bias": draw(wide),
                f"{name}norm{number}.weight": 1 + draw(wide),
                f"{name}norm{number}.bias": draw(wide),
            }
    return {prefix + name: tensor for name, tensor in state.items()}


def _attention(name: str, width: int, draw) -> dict[str, Tensor]:
    return {
        f"{name}in_proj_weight": draw(3 * width, width),
        f"{name}in_proj_bias": draw(3 * width),
        f"{name}out_proj.weight": draw(width, width),
        f"{name}out_proj.bias": draw(width),
    }


def reference_forward(state: dict[str, Tensor], fills: Tensor, prompt: Tensor):
    """Features (n, 256) and raw rewards (n,) of normalised fills (n, 3, s, s) and one prompt."""
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    fill_part, prompt_part = _clip(state, fills), _clip(state, prompt)
    x = torch.cat([fill_part, prompt_part.expand(len(fills), -1)], dim=1)
    name = "vit_block.transformer_encoder.layers.0."
    x = _norm(state, f"{name}norm1.", x + _attend(state, f"{name}self_attn.", x[:, None], 16)[:, 0])
    inner = functional.relu(_linear(state, f"{name}linear1.", x))
    x = _norm(state, f"{name}norm2.", x + _linear(state, f"{name}linear2.", inner))
    second = "mlp.layers.2." if "mlp.layers.2.weight" in state else "mlp.layers.3."
    z = _linear(state, second, _linear(state, "mlp.layers.0.", x))
    return z, (z @ state["mlp.last_layer.weight"].T)[:, 0]


def _clip(state: dict[str, Tensor], images: Tensor) -> Tensor:
    """OpenAI's vision transformer: pre-norm blocks with x * sigmoid(1.702 x)."""
    visual = "clip_model.visual."
    x = functional.conv2d(images, state[f"{visual}conv1.weight"], stride=PATCH)
    x = x.flatten(2).transpose(1, 2)
    first = state[f"{visual}class_embedding"].expand(len(x), 1, -1)
    x = torch.cat([first, x], dim=1) + state[f"{visual}positional_embedding"]
    x = _norm(state, f"{visual}ln_pre.", x)
    for layer in range(LAYERS):
        name = f"{visual}transformer.resblocks.{layer}."
        x = x + _attend(state, f"{name}attn.", _norm(state, f"{name}ln_1.", x), HEADS)
        inner = _linear(state, f"{name}mlp.c_fc.", _norm(state, f"{name}ln_2.", x))
        x = x + _linear(state, f"{name}mlp.c_proj.", inner * torch.sigmoid(1.702 * inner))
    return _norm(state, f"{visual}ln_post.", x[:, 0]) @ state[f"{visual}proj"]


def _attend(state: dict[str, Tensor], name: str, x: Tensor, heads: int) -> Tensor:
    projected = x @ state[f"{name}in_proj_weight"].T + state[f"{name}in_proj_bias"]
    q, k, v = (
        part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in projected.chunk(3, dim=-1)
    )
    weights = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, dim=-1)
    return _linear(state, f"{name}out_proj.", (weights @ v).transpose(1, 2).flatten(2))


def _linear(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}weight"].T + state[f"{name}bias"]


def _norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], state[f"{name}weight"], state[f"{name}bias"])
