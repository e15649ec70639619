"""Which model fills the hole."""

from PySide6.QtGui import QStandardItemModel

from prefpaint_gui.state.options import Options
from prefpaint_gui.widgets.parts import Choice


class ModelCombo(Choice):
    """The models there are; those that are not on this computer cannot be chosen."""

    def __init__(self, options: Options) -> None:
        super().__init__("Model", is_elastic=True)
        self._options = options
        self.setToolTip("What fills the hole. PatchMatch continues the photo's own texture.")
        self.activated.connect(lambda: options.update(model=self.currentData()))
        options.models_changed.connect(self._refill)
        options.changed.connect(self._show_chosen)
        self._refill()

    def _refill(self) -> None:
        self.clear()
        items = self.model()
        assert isinstance(items, QStandardItemModel)
        for row, model in enumerate(self._options.models):
            self.addItem(model.title, model.name)
            items.item(row).setEnabled(model.is_available)
        self._show_chosen()

    def _show_chosen(self) -> None:
        self.setCurrentIndex(self.findData(self._options.model.name))
