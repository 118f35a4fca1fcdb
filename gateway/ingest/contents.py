"""The content of a device's numbered messages, 32 bits each and packed: a node without a clock has hundreds.

    runs      "b", from 7     "b", from 12    ...  runs of consecutive numbers, in the order they came
    contents  c7 c8 c9        c12             ...  the contents, four bytes each, one array for all runs

Where a number came with several contents, each further one stands in a run of its own behind the first.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator

MOST = 512  # numbers whose content is remembered; beyond that the oldest are forgotten
EPOCHS = 16  # contents that are remembered of one number
REFUSED = 0  # stands for the content of a refused message: any content may come under that number again
Runs = list[tuple[str, int, str]]


class Contents:
    """Contents by (boot, number), for at most `MOST` numbers, each from -2**63 up to but not 2**63."""

    __slots__ = ("_boots", "_contents", "_firsts", "_lengths", "_numbers", "_of", "_tops")

    def __init__(self, runs: Iterable[Iterable[object]] = ()) -> None:
        """Build from what `runs` gave. Raises one of CONTENT for anything else."""
        self._boots: list[str] = []
        self._tops: list[int] = []  # by boot, an upper bound of its numbers
        # of each run: its boot's place in `_boots`, its first number, how many contents it has
        self._of, self._firsts, self._lengths = array("H"), array("q"), array("H")
        self._contents = array("I")
        self._numbers = 0
        for boot, first, text in runs:
            self._append(str(boot), int(str(first)), _packed(str(text)))

    def get(self, boot: str, number: int) -> tuple[int, ...]:
        """The contents of a number, the oldest first."""
        return tuple(self._contents[place] for _, place in self._places(boot, number))

    def put(self, boot: str, number: int, contents: Iterable[int]) -> None:
        """Replace the contents of a number, which becomes the newest."""
        self.drop(boot, number)
        for content in contents:
            self._append(boot, number, array("I", (content,)))
        while self._numbers > MOST:
            self.drop(self._boots[self._of[0]], self._firsts[0])

    def drop(self, boot: str, number: int) -> None:
        """Forget the contents of a number."""
        places = list(self._places(boot, number))
        for run, place in reversed(places):
            self._cut(run, number)
            del self._contents[place]
        self._numbers -= bool(places)

    def runs(self) -> Runs:
        """The runs as (boot, first number, eight hexadecimal digits a content), in the order they came."""
        begin, behind, result = 0, None, Runs()
        for of, first, length in zip(self._of, self._firsts, self._lengths, strict=True):
            text = _written(self._contents[begin : begin + length])
            if (of, first) == behind:  # the runs between these two are gone, so they become one
                boot, start, before = result.pop()
                result.append((boot, start, before + text))
            else:
                result.append((self._boots[of], first, text))
            begin, behind = begin + length, (of, first + length)
        return result

    def _places(self, boot: str, number: int) -> Iterator[tuple[int, int]]:
        """The runs that hold a number, and where in `_contents` each of its contents stands."""
        if boot not in self._boots or number > self._tops[of := self._boots.index(boot)]:
            return
        begin = 0
        for run, length in enumerate(self._lengths):
            if self._of[run] == of and 0 <= (ahead := number - self._firsts[run]) < length:
                yield run, begin + ahead
            begin += length

    def _append(self, boot: str, first: int, contents: "array[int]") -> None:
        """Append the contents of the numbers from `first` on."""
        if boot not in self._boots:
            self._know(boot)
        of, last = self._boots.index(boot), first + len(contents) - 1
        again = False
        if self._of and self._of[-1] == of:
            behind = self._firsts[-1] + self._lengths[-1]
            again = behind == first + 1  # a further content of the last number
            if behind == first:
                self._lengths[-1] += len(contents)
                first = last + 1
        if first <= last:
            self._of.append(of)
            self._firsts.append(first)
            self._lengths.append(len(contents))
        self._contents.extend(contents)
        self._numbers += len(contents) - again
        self._tops[of] = max(self._tops[of], last)

    def _know(self, boot: str) -> None:
        """Add a boot, and forget the boots that have no run left."""
        used = sorted(set(self._of))
        if len(used) < len(self._boots):
            self._of = array("H", map(used.index, self._of))
            self._boots, self._tops = [self._boots[of] for of in used], [self._tops[of] for of in used]
        self._boots.append(boot)
        self._tops.append(-(2**63))

    def _cut(self, run: int, number: int) -> None:
        """Take a number out of a run, which splits there."""
        first, length, of = self._firsts[run], self._lengths[run], self._of[run]
        parts = [(first, number - first), (number + 1, first + length - number - 1)]
        parts = [part for part in parts if part[1]]
        self._firsts[run : run + 1] = array("q", [begin for begin, _ in parts])
        self._lengths[run : run + 1] = array("H", [size for _, size in parts])
        self._of[run : run + 1] = array("H", [of] * len(parts))


def _packed(text: str) -> "array[int]":
    return _turned(array("I", bytes.fromhex(text)))


def _written(contents: "array[int]") -> str:
    return _turned(contents).tobytes().hex()


def _turned(contents: "array[int]") -> "array[int]":
    """Swap between the machine's byte order and the text's, which has the highest byte first."""
    if sys.byteorder == "little":
        contents.byteswap()
    return contents
