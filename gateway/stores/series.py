"""The embedded store's series: an index of them by their tags, and tags as text."""

from collections.abc import Mapping

from gateway.stores.points import Tags


class Index:
    """The series read from the file so far, by their tags: finds one place's series among a thousand places'
    without looking at each. `newest` is the highest series number. All series with a tag share one object.
    """

    def __init__(self) -> None:
        self.newest = 0
        self._all: dict[str, list[tuple[int, Tags]]] = {}
        self._by_tag: dict[str, dict[tuple[str, str], list[tuple[int, Tags]]]] = {}
        self._tags: dict[tuple[str, str], tuple[str, str]] = {}

    def add(self, number: int, measurement: str, tags: Tags) -> None:
        self.newest = max(self.newest, number)
        one = number, tuple(self._tags.setdefault(tag, tag) for tag in tags)
        self._all.setdefault(measurement, []).append(one)
        by_tag = self._by_tag.setdefault(measurement, {})
        for tag in one[1]:
            by_tag.setdefault(tag, []).append(one)

    def matching(self, measurement: str, where: Mapping[str, str]) -> list[tuple[int, Tags]]:
        """The series of a measurement whose tags contain `where`."""
        wanted = frozenset(where.items())
        by_tag = self._by_tag.get(measurement, {})
        lists = [by_tag.get(tag, []) for tag in wanted]
        fewest = min(lists, key=len, default=self._all.get(measurement, []))
        return [one for one in fewest if wanted.issubset(one[1])]


def encode(tags: Tags) -> str:
    """Tags as the file keeps them."""
    return "\n".join(f"{key}={value}" for key, value in tags)


def decode(text: str) -> Tags:
    """Tags as the file kept them."""
    return tuple((key, value) for key, _, value in (line.partition("=") for line in text.split("\n")))
