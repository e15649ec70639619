"""The dialogs that stand beside the window."""

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from prefpaint_gui.state.exchange import Exchange
from prefpaint_gui.state.library import Library
from prefpaint_gui.state.options import Options
from prefpaint_gui.state.training import Training
from prefpaint_gui.widgets.banner import Banner
from prefpaint_gui.widgets.theme import Colours

if TYPE_CHECKING:
    from prefpaint_gui.widgets.beside_dialog import BesideDialog
    from prefpaint_gui.widgets.export_dialog import ExportDialog
    from prefpaint_gui.widgets.models_dialog import ModelsDialog
    from prefpaint_gui.widgets.train_dialog import TrainDialog


class Dialogs:
    """Each is made when it is first wanted: few starts of the program want one.

    banner: the window's, for what went wrong while the dialog that tells of it is not open.
    """

    def __init__(
        self,
        window: QWidget,
        banner: Banner,
        library: Library,
        options: Options,
        training: Training,
        exchange: Exchange,
    ) -> None:
        self._window = window
        self._banner = banner
        self._library = library
        self._options = options
        self._training = training
        self._exchange = exchange
        self._models: ModelsDialog | None = None
        self._train: TrainDialog | None = None
        self._export: ExportDialog | None = None
        self._colours = Colours()
        library.failed.connect(lambda sentence: self._tell(self._models, sentence))
        training.failed.connect(lambda sentence: self._tell(self._train, sentence))
        exchange.failed.connect(lambda sentence: self._tell(self._export, sentence))

    @property
    def models(self) -> "ModelsDialog":
        if self._models is None:
            from prefpaint_gui.widgets.models_dialog import ModelsDialog

            self._models = ModelsDialog(self._library, self._options, self._training, self._window)
            self._models.set_colours(self._colours)
        return self._models

    @property
    def train(self) -> "TrainDialog":
        if self._train is None:
            from prefpaint_gui.widgets.train_dialog import TrainDialog

            self._train = TrainDialog(self._training, self._window)
            self._train.set_colours(self._colours)
        return self._train

    @property
    def export(self) -> "ExportDialog":
        if self._export is None:
            from prefpaint_gui.widgets.export_dialog import ExportDialog

            self._export = ExportDialog(self._exchange, self._window)
            self._export.set_colours(self._colours)
        return self._export

    def set_colours(self, colours: Colours) -> None:
        self._colours = colours
        for dialog in (self._models, self._train, self._export):
            if dialog is not None:
                dialog.set_colours(colours)

    def close(self) -> None:
        for dialog in (self._models, self._train, self._export):
            if dialog is not None:
                dialog.close()

    def _tell(self, dialog: "BesideDialog | None", sentence: str) -> None:
        if dialog is None or not dialog.isVisible():  # else it is shown there
            self._banner.show_error(sentence)
