"""Aligning a diffusion inpainter with a reward."""
