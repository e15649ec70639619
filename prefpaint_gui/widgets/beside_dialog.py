"""A dialog that stands beside the window and holds nothing up."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QDialog, QWidget

from prefpaint_gui.widgets.banner import Banner


class BesideDialog(QDialog):
    """Has a banner for what went wrong, which is gone when the dialog is opened again."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.banner = Banner()

    def hideEvent(self, event: QHideEvent) -> None:
        if not event.spontaneous():  # not by the desktop, which minimises
            self.banner.hide()
        super().hideEvent(event)

    def present(self) -> None:
        """Show it, or bring it to the front."""
        if self.isVisible():
            self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
            self.raise_()
            self.activateWindow()
        else:
            self.show()
