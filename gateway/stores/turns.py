"""A lock that goes round: whoever waits for it has it before him who has just had it.

With Python's own, whoever asks again at once has it again, before the one who waits has woken up.
"""

import threading


class Turns:
    """For `with`; who has it does not ask for it again."""

    def __init__(self) -> None:
        self._next = threading.Lock()  # of the one who is to have it next: the others wait behind him
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._next:
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
