"""The name under which a person rates."""

from training.errors import PrefPaintError

LONGEST_NAME = 64


def rater_name(text: str) -> str:
    """The name without spaces around it. Raises PrefPaintError for one that cannot be kept."""
    name = " ".join(text.split())
    if not name:
        raise PrefPaintError("The rater has no name. Give one, such as your first name.")
    if len(name) > LONGEST_NAME:
        raise PrefPaintError(
            f"The rater's name has {len(name)} characters. Give one of at most {LONGEST_NAME}."
        )
    if not name.isprintable():
        raise PrefPaintError(
            "The rater's name has characters that cannot be shown. Leave them out."
        )
    return name
