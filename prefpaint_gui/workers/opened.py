"""A store that a worker opens when it is first needed and keeps until its end."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What every kind of store has."""

    notice: str | None

    def close(self) -> None:
        """Finish writing."""


StoreT = TypeVar("StoreT", bound=Closable)


class Opened(Generic[StoreT]):
    """Used in one thread. tell: gets what the store says at its opening, of damage that it got
    over."""

    def __init__(self, open_store: Callable[[], StoreT], tell: Callable[[str], object]) -> None:
        self._open_store = open_store
        self._tell = tell
        self._store: StoreT | None = None

    def get(self) -> StoreT:
        """The store. Raises as open_store does, and then opens it with the next call."""
        if self._store is None:
            self._store = self._open_store()
            if self._store.notice:
                self._tell(self._store.notice)
        return self._store

    @property
    def if_open(self) -> StoreT | None:
        """The store, None while nobody has needed it."""
        return self._store

    def close(self) -> None:
        """Let go of it; the next call of `get` opens it again."""
        if self._store is not None:
            self._store.close()
            self._store = None
