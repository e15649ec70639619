"""Where the photo lies on the canvas. No widgets: numbers only."""

from dataclasses import dataclass, replace

SMALLEST_SCALE = 1 / 64
LARGEST_SCALE = 64.0
LARGEST_FIT = 8.0
"""Scale beyond which fitting does not blow up a small photo."""
FIT_MARGIN = 24
"""Device pixels left free around a photo that is fitted."""
KEPT_IN_SIGHT = 48
"""Device pixels of the photo that panning cannot push out of sight."""


@dataclass(frozen=True)
class Viewport:
    """scale: device pixels per photo pixel. x, y: the photo's corner in device pixels."""

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def to_photo(self, x: float, y: float) -> tuple[float, float]:
        """A point in device pixels, in photo pixels."""
        return (x - self.x) / self.scale, (y - self.y) / self.scale

    def to_device(self, x: float, y: float) -> tuple[float, float]:
        """A point in photo pixels, in device pixels."""
        return x * self.scale + self.x, y * self.scale + self.y

    def zoomed(self, factor: float, x: float, y: float) -> "Viewport":
        """Scaled by a factor with the photo's point under (x, y), device pixels, held still."""
        scale = min(LARGEST_SCALE, max(SMALLEST_SCALE, self.scale * factor))
        photo_x, photo_y = self.to_photo(x, y)
        return Viewport(scale, x - photo_x * scale, y - photo_y * scale)

    def magnified(self, factor: float) -> "Viewport":
        """The same on a screen with so many times the pixels."""
        return Viewport(self.scale * factor, self.x * factor, self.y * factor)

    def panned(self, dx: float, dy: float) -> "Viewport":
        """Moved by device pixels."""
        return replace(self, x=self.x + dx, y=self.y + dy)

    def kept_in_sight(self, photo: tuple[int, int], canvas: tuple[float, float]) -> "Viewport":
        """Moved back so far that some of the photo shows. Both sizes are width and height."""
        width, height = photo[0] * self.scale, photo[1] * self.scale
        margin_x, margin_y = min(KEPT_IN_SIGHT, width), min(KEPT_IN_SIGHT, height)
        return replace(
            self,
            x=min(max(self.x, margin_x - width), canvas[0] - margin_x),
            y=min(max(self.y, margin_y - height), canvas[1] - margin_y),
        )


def fitted(photo: tuple[int, int], canvas: tuple[float, float]) -> Viewport:
    """The whole photo, centred. Sizes are width and height."""
    room = (max(1.0, canvas[0] - 2 * FIT_MARGIN), max(1.0, canvas[1] - 2 * FIT_MARGIN))
    scale = min(LARGEST_FIT, room[0] / photo[0], room[1] / photo[1])
    return centred(photo, canvas, max(SMALLEST_SCALE, scale))


def centred(photo: tuple[int, int], canvas: tuple[float, float], scale: float) -> Viewport:
    """The photo's middle in the canvas's middle; whole device pixels, so that 100 % is crisp."""
    x = round((canvas[0] - photo[0] * scale) / 2)
    y = round((canvas[1] - photo[1] * scale) / 2)
    return Viewport(scale, x, y)
