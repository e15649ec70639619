"""Looks off the GUI thread for the models that there are."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from prefpaint_gui.state.models import ModelChoice
from training.errors import PrefPaintError


class ModelsWorker(QObject):
    """Lives in a thread of its own. list_models: called there, as it reads files."""

    listed = Signal(object)
    """Carries a list of ModelChoice."""
    failed = Signal(str)
    closed = Signal()

    def __init__(self, list_models: Callable[[], list[ModelChoice]]) -> None:
        super().__init__()
        self._list_models = list_models

    @Slot()
    def look(self) -> None:
        """Tell which models there are now."""
        try:
            self.listed.emit(self._list_models())
        except PrefPaintError as error:
            self.failed.emit(str(error))

    @Slot()
    def close(self) -> None:
        """There is nothing to let go of."""
        self.closed.emit()
