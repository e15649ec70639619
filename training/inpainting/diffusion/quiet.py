"""Libraries that draw progress bars and warn of what we do on purpose."""

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging


def quiet_libraries() -> None:
    """No bars of theirs beside ours; of diffusers' words errors alone, for it warns of half
    precision on a processor, where we only save it."""
    diffusers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
