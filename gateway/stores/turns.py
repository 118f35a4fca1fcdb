"""A fair lock: a waiting thread gets it before the thread that has just released it.

Python's own lock goes back to a thread that asks again at once, before a waiting thread has woken up.
"""

import threading


class Turns:
    """Use it in a `with` block; it is not reentrant."""

    def __init__(self) -> None:
        self._next = threading.Lock()  # held by the thread that is next; all others wait behind it
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._next:
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
