"""The templates of these pages, and a cache for the parts of a page that change seldom."""

from collections.abc import Callable
from typing import Any, TypeVar

from devices.web.frame import Pages

PAGES = Pages("dashboards")
T = TypeVar("T")


class Lasting:
    """Caches what was made last by name, in one language: in a minute little changes on a large page."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._parts: dict[str, tuple[object, Any]] = {}

    def of(self, name: str, inputs: object, make: Callable[[], T]) -> T:
        """What `make` gave last; it is made again where `inputs` differs from the last time."""
        known = self._parts.get(name)
        if known is None or known[0] != inputs:
            known = self._parts[name] = inputs, make()
        value: T = known[1]
        return value

    def part(self, template: str, **values: Any) -> str:
        """A part of a page as HTML, drawn again only where its values have changed."""
        return self.of(template, values, lambda: PAGES.body(template, self.lang, **values))
