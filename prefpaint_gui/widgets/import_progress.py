"""How far an import is, with its Cancel; part of the status line."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QToolButton, QWidget

from prefpaint_gui.state.exchange import Exchange, ImportOrder
from prefpaint_gui.widgets.parts import label


class ImportProgress(QWidget):
    """Hidden while nothing is imported."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange
        self.what = label(tone="small")
        self.what.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setFixedWidth(96)
        self.bar.setAccessibleName("Progress of the import")
        self.cancel = QToolButton()
        self.cancel.setText("Cancel")
        self.cancel.setAccessibleName("Cancel the import")
        self.cancel.setToolTip("Break the import off; nothing of it stays")
        self.cancel.clicked.connect(exchange.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.what)
        layout.addWidget(self.bar)
        layout.addWidget(self.cancel)
        exchange.changed.connect(self._show)
        exchange.progress_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        order = self._exchange.order
        self.setVisible(isinstance(order, ImportOrder))
        if isinstance(order, ImportOrder):
            self.what.setText(f"Importing {order.path.name}")
            self.bar.setValue(round(self._exchange.share * 1000))
