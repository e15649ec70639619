"""A small latent inpainting pipeline from nothing, in diffusers' own classes."""
