"""The prompt and its reconstructions side by side, with the keys at the foot."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from prefpaint_gui.state.rating import RatingSession
from prefpaint_gui.state.rating_marks import REASONS
from prefpaint_gui.widgets.parts import ElidedLabel, label
from prefpaint_gui.widgets.rating_tile import FOOT_HEIGHT, MARGIN, PictureView, RatingTile
from prefpaint_gui.widgets.theme import Colours
from training.preferences.agreement import CRITERIA, HIGHEST, LOWEST

GAP = 8
LEAST_WIDTH = 240
"""Of a tile, so that its values can be read and clicked."""
LEAST_PICTURE = 160
"""Height of a picture, unless it fills its tile's width before."""
KEYS = (
    (
        (f"{LOWEST} – {HIGHEST}", "rate, and on to the next value"),
        ("← → ↑ ↓", "move"),
        ("Backspace", "one value back"),
        ("Enter", "next prompt"),
        ("S", "skip"),
        ("R", "reasons"),
    ),
    (
        ("Space, held", "picture large"),
        ("Tab, held", "prompt large"),
        ("Page Up / Down", "earlier and later prompts"),
        ("End", "summary"),
    ),
)
REASON_KEYS = (
    (
        (f"1 – {len(REASONS)}", "tick a reason"),
        ("← →", "another picture"),
        ("R or Enter", "back to the values"),
    ),
    KEYS[1],
)


def best_columns(count: int, room: tuple[int, int], shape: tuple[int, int]) -> int:
    """In how many columns `count` tiles show their pictures largest.

    Columns too narrow for the values are out of the question unless it is the only one, and those
    that need not be scrolled come before those that must.

    room: width and height there is. shape: width and height of a picture.
    """

    def worth(columns: int) -> tuple[bool, float, int]:
        width, height = picture_room(count, columns, room, shape)
        fits = rows_height(count, columns, height) <= room[1]
        return fits, min(width / shape[0], height / shape[1]), columns

    most = max(1, (room[0] + GAP) // (LEAST_WIDTH + GAP))
    return max(range(1, min(count, most) + 1), key=worth)


def picture_room(
    count: int, columns: int, room: tuple[int, int], shape: tuple[int, int]
) -> tuple[float, float]:
    """Width and height that a picture has among `count` tiles in so many columns.

    The height is never less than what can be judged, though the rows then be higher than the room.
    """
    rows = -(-count // columns)
    width = max(1.0, (room[0] - (columns - 1) * GAP) / columns - 2 * MARGIN)
    height = (room[1] - (rows - 1) * GAP) / rows - FOOT_HEIGHT - MARGIN
    return width, max(height, min(LEAST_PICTURE, width * shape[1] / shape[0]))


def rows_height(count: int, columns: int, height: float) -> int:
    """Height of all rows of tiles whose pictures are so high."""
    rows = -(-count // columns)
    return rows * int(height + FOOT_HEIGHT + MARGIN) + (rows - 1) * GAP


class Tiles(QScrollArea):
    """The prompt first, then the reconstructions in the order of their positions.

    Scrolls where they do not fit, and then follows the picture in hand.
    """

    def __init__(self, session: RatingSession, colours: Colours) -> None:
        super().__init__()
        self._session = session
        self._colours = colours
        self._shape = (1, 1)
        self._followed: tuple[str, int] | None = None
        """Prompt and position that were brought into view last."""
        self._sheet = QWidget()
        self._sheet.setObjectName("ratingSheet")
        self.setWidget(self._sheet)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.prompt = QFrame(self._sheet)
        self.prompt.setObjectName("ratingTile")
        self.masked = PictureView(colours)
        self.caption = label("The prompt: what is white was missing", "small")
        self.caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.caption.setWordWrap(True)
        self.caption.setFixedHeight(FOOT_HEIGHT - 2 * MARGIN)
        layout = QVBoxLayout(self.prompt)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(MARGIN)
        layout.addWidget(self.masked, 1)
        layout.addWidget(self.caption)
        self.tiles: list[RatingTile] = []

    def set_colours(self, colours: Colours) -> None:
        self._colours = colours
        self.masked.set_colours(colours)
        for tile in self.tiles:
            tile.set_colours(colours)

    def show_session(self) -> None:
        """Show the present prompt as it stands."""
        session, loaded, marks = self._session, self._session.loaded, self._session.marks
        if marks is None:
            return
        self._have(len(marks.seeds))
        self.masked.show_picture(loaded.pyramids[0] if loaded else None)
        for position, tile in enumerate(self.tiles):
            pyramid = loaded.pyramids[1 + marks.order[position]] if loaded else None
            tile.show_marks(marks, pyramid, session.is_giving_reasons)
        if loaded is not None:
            height, width = loaded.pictures.hole.shape
            self._shape = (width, height)
        self._arrange()
        held = (session.prompt.name if session.prompt else "", marks.cell[0])
        if held != self._followed:
            self._followed = held
            self._follow()

    def _have(self, count: int) -> None:
        while len(self.tiles) > count:
            self.tiles.pop().deleteLater()
        while len(self.tiles) < count:
            tile = RatingTile(len(self.tiles), self._colours, self._sheet)
            tile.picked.connect(self._session.select)
            tile.valued.connect(self._take_value)
            tile.show()
            self.tiles.append(tile)

    def _take_value(self, position: int, criterion: int, value: int) -> None:
        self._session.select(position, criterion)
        self._session.rate(value)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self._follow()

    def _follow(self) -> None:
        if self._followed is not None:
            self.ensureWidgetVisible(self.tiles[self._followed[1]], 0, 0)

    def _arrange(self) -> None:
        """All tiles of one size, close around their pictures, in the middle."""
        frames: Sequence[QWidget] = [self.prompt, *self.tiles]
        room = (self.width() - GAP, self.height())  # the bar of a scrolled page lies in the gap
        columns = best_columns(len(frames), room, self._shape)
        width, height = picture_room(len(frames), columns, room, self._shape)
        height = min(height, self._shape[1] * width / self._shape[0])
        tile_width = int(width + 2 * MARGIN)
        tile_height = int(height + FOOT_HEIGHT + MARGIN)
        needed = rows_height(len(frames), columns, height)
        self._sheet.resize(room[0], max(room[1], needed))
        top = (self._sheet.height() - needed) // 2
        for number, frame in enumerate(frames):
            row, column = divmod(number, columns)
            left = column * (tile_width + GAP)
            place = QRect(left, top + row * (tile_height + GAP), tile_width, tile_height)
            frame.setGeometry(place)


class KeyLine(QWidget):
    """Keys and what they do, in one line."""

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for key, text in keys:
            cap = label(key)
            cap.setObjectName("key")
            layout.addWidget(cap)
            layout.addWidget(label(text, "small"))
            layout.addSpacing(8)
        layout.addStretch()


class RatingPage(QWidget):
    """Shows the session's present prompt."""

    def __init__(self, session: RatingSession, colours: Colours) -> None:
        super().__init__()
        self._session = session
        self.setObjectName("ratingPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.tiles = Tiles(session, colours)
        self.line = ElidedLabel("", "", Qt.TextElideMode.ElideRight)
        self._key_sets = [[KeyLine(keys) for keys in key_set] for key_set in (KEYS, REASON_KEYS)]
        self._held = ""
        self.large = PictureView(colours, has_ground=True)
        self.large.setParent(self)
        self.large.hide()
        foot = QWidget()
        foot.setObjectName("ratingFoot")
        foot.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        lines = QVBoxLayout(foot)
        lines.setContentsMargins(16, 8, 16, 8)
        lines.setSpacing(8)
        lines.addWidget(self.line)
        for key_set in self._key_sets:
            for key_line in key_set:
                lines.addWidget(key_line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        body = QVBoxLayout()
        body.setContentsMargins(GAP, GAP, 0, GAP)
        body.addWidget(self.tiles)
        layout.addLayout(body, 1)
        layout.addWidget(foot)

    def set_colours(self, colours: Colours) -> None:
        self.tiles.set_colours(colours)
        self.large.set_colours(colours)

    def show_session(self) -> None:
        """Show the present prompt as it stands."""
        session, marks = self._session, self._session.marks
        if marks is None:
            return
        self.tiles.show_session()
        for number, key_set in enumerate(self._key_sets):
            for key_line in key_set:
                key_line.setVisible(number == int(session.is_giving_reasons))
        if session.note:
            self.line.set_whole(session.note)
        elif session.loaded is None:
            self.line.set_whole("Reading the pictures…")
        elif session.prompt is not None and session.prompt.name in session.progress.skipped:
            self.line.set_whole("Skipped. A number rates it after all.")
        elif marks.is_complete:
            self.line.set_whole("All values are there: Enter goes on, a number changes the value.")
        else:
            position, criterion = marks.cell
            what = CRITERIA[criterion]
            scale = f"{LOWEST} worst – {HIGHEST} best"
            self.line.set_whole(f"Picture {position + 1}: {what}, {scale}")
        self._show_large()

    def hold(self, what: str) -> None:
        """Show "picture" or "prompt" over everything; "" for neither."""
        self._held = what
        self._show_large()

    def _show_large(self) -> None:
        loaded, marks = self._session.loaded, self._session.marks
        if not self._held or loaded is None or marks is None:
            self.large.hide()
            return
        place = 0 if self._held == "prompt" else 1 + marks.order[marks.cell[0]]
        self.large.setGeometry(self.rect())
        self.large.show_picture(loaded.pyramids[place])
        self.large.show()
        self.large.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.large.setGeometry(self.rect())
