"""Which of several inpainting models fills better."""
