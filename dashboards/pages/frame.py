"""The templates of these pages, and what of a page is drawn again only where it has changed."""

from collections.abc import Callable
from typing import Any, TypeVar

from devices.web.frame import Pages

PAGES = Pages("dashboards")
T = TypeVar("T")


class Lasting:
    """What was made last, by name, in one language: of a page with many places a minute changes little."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._made: dict[str, tuple[object, Any]] = {}

    def of(self, name: str, given: object, make: Callable[[], T]) -> T:
        """What `make` gave, made again where another thing is `given` than the last time."""
        known = self._made.get(name)
        if known is None or known[0] != given:
            known = self._made[name] = given, make()
        made: T = known[1]
        return made

    def part(self, template: str, **values: Any) -> str:
        """A part of a page, as HTML."""
        return self.of(template, values, lambda: PAGES.body(template, self.lang, **values))
