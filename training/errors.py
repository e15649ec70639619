"""Errors that a person can act on."""


class PrefPaintError(Exception):
    """One clear sentence: what happened, to which file, and what to do.

    The command prints it and exits with status 2; the window shows it in the banner.
    """


class Cancelled(Exception):  # noqa: N818 - a wish of the person, not an error
    """The person cancelled the work; nothing was changed."""
