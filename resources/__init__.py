"""Icons, style sheet, sample photo and built-in models."""

from pathlib import Path

FOLDER = Path(__file__).parent
SAMPLE_PHOTO = FOLDER / "sample" / "rocket.jpg"
SAMPLE_MASK = FOLDER / "sample" / "rocket-mask.png"
"""Of the same size as the photo; it takes the rocket out."""
