"""MicroPython's `ntptime` on a machine whose clock is already right."""


def settime():
    pass
