"""CLIP's vision tower as the reward's image encoder."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from training.reward.encoders import EncoderConfig


class ClipEncoder(nn.Module):
    """CLIP's vision tower; ViT-B/32 gives embeddings of 512 from pictures of 224 x 224.

    Its first layers may be frozen; what they make of a picture can then be computed once.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        settings = {"hidden_size": 768, "patch_size": 32, "projection_dim": 512}
        clip = CLIPVisionConfig(
            **{**settings, "image_size": config.image_size, **(config.clip or {})}
        )
        self.vision = CLIPVisionModelWithProjection(clip)
        self.embedding_size = clip.projection_dim
        self._frozen_layers = 0
        self._checkpoints = False
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
        deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])
        self.mean = nn.Buffer(mean.view(1, 3, 1, 1), persistent=False)
        self.deviation = nn.Buffer(deviation.view(1, 3, 1, 1), persistent=False)

    def freeze(self, share: float) -> None:
        """Keep this share of the layers, and the embedding below them, as they are."""
        tower = self.vision.vision_model
        self._frozen_layers = round(share * len(tower.encoder.layers))
        if self._frozen_layers:
            for part in (
                tower.embeddings,
                tower.pre_layrnorm,
                *tower.encoder.layers[: self._frozen_layers],
            ):
                part.requires_grad_(False)

    @property
    def parts(self) -> Sequence[nn.Module]:
        """Of its weights the most, in parts that are called as a whole."""
        return list(self.vision.vision_model.encoder.layers)

    def checkpoint_gradients(self) -> None:
        """Compute the learning layers again in the backward pass instead of keeping them."""
        self._checkpoints = True

    def forward(self, images: Tensor, holes: Tensor) -> Tensor:
        """images: (n, 3, s, s) in 0-1; gives (n, embedding)."""
        return self.learning(self.frozen(images, holes))

    @property
    def is_kept(self) -> bool:
        """Whether all that `frozen` goes through is as it was."""
        return self._frozen_layers > 0

    def frozen(self, images: Tensor, holes: Tensor) -> Tensor:  # noqa: ARG002 - CLIP sees no hole
        """(n, 3, s, s) in 0-1 to the hidden states above the frozen layers: (n, patches, width)."""
        tower = self.vision.vision_model
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._frozen_layers):
            hidden = tower.pre_layrnorm(tower.embeddings((images - self.mean) / self.deviation))
            for layer in tower.encoder.layers[: self._frozen_layers]:
                hidden = layer(hidden, None)
        return cast(Tensor, hidden)

    def learning(self, hidden: Tensor) -> Tensor:
        """From the hidden states of `frozen` to embeddings."""
        tower = self.vision.vision_model
        for layer in tower.encoder.layers[self._frozen_layers :]:
            if self._checkpoints and self.training:
                hidden = checkpoint(layer, hidden, None, use_reentrant=False)
            else:
                hidden = layer(hidden, None)
        pooled = tower.post_layernorm(hidden[:, 0])
        return cast(Tensor, self.vision.visual_projection(pooled))
