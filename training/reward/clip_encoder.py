"""CLIP's vision tower as the reward's image encoder."""

from typing import cast

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from training.reward.encoders import EncoderConfig


class ClipEncoder(nn.Module):
    """CLIP's vision tower; ViT-B/32 gives embeddings of 512 from pictures of 224 x 224."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        settings = {"hidden_size": 768, "patch_size": 32, "projection_dim": 512}
        clip = CLIPVisionConfig(
            **{**settings, "image_size": config.image_size, **(config.clip or {})}
        )
        self.vision = CLIPVisionModelWithProjection(clip)
        self.embedding_size = clip.projection_dim
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
        deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])
        self.mean = nn.Buffer(mean.view(1, 3, 1, 1), persistent=False)
        self.deviation = nn.Buffer(deviation.view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, holes: Tensor) -> Tensor:  # noqa: ARG002 - CLIP sees no hole
        """images: (n, 3, s, s) in 0-1; gives (n, embedding)."""
        normalised = (images - self.mean) / self.deviation
        return cast(Tensor, self.vision(pixel_values=normalised).image_embeds)
