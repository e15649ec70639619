"""Whose opinions are kept: the menu of profiles, and what it asks."""

from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QInputDialog, QMenu, QMessageBox, QWidget

from prefpaint_gui.state.personal import Personal


class ProfileMenu(QMenu):
    """The profiles by name, a new one, and learning from nothing again."""

    def __init__(self, personal: Personal, parent: QWidget) -> None:
        super().__init__("P&rofile", parent)
        self._personal = personal
        self._window = parent
        self._names = QActionGroup(self)
        self.aboutToShow.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        self.clear()
        for name in self._personal.names:
            action = self._names.addAction(self.addAction(name.replace("&", "&&")))
            action.setCheckable(True)
            action.setChecked(name == self._personal.values.profile)
            action.triggered.connect(lambda _=False, name=name: self._personal.choose(name))
        self.addSeparator()
        self.addAction("&New profile…").triggered.connect(self._add)
        self.addAction("&Reset what was learned…").triggered.connect(self._reset)

    def _add(self) -> None:
        name = ask_profile_name(self._window)
        if name is not None:
            self._personal.add_profile(name)

    def _reset(self) -> None:
        if ask_reset(self._window, self._personal.values.profile):
            self._personal.reset()


def ask_profile_name(parent: QWidget) -> str | None:
    """The name of a new profile; None when the person thinks better of it."""
    name, is_given = QInputDialog.getText(parent, "New profile", "Name:")
    return name if is_given else None


def ask_reset(parent: QWidget, profile: str) -> bool:
    """Whether what was learned of a profile is to be forgotten."""
    box = QMessageBox(parent)
    box.setWindowTitle("Reset what was learned")
    box.setText(f"Forget what was learned of “{profile}”?")
    box.setInformativeText(
        "The personal order becomes the general one again and learns from new answers only. The "
        "answers given so far stay in the preference store, where exports and training find them."
    )
    reset = box.addButton("Reset", QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    return box.clickedButton() is reset
