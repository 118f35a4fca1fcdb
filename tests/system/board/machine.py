"""The part of an ESP32's `machine` that main.py uses: a pin and its converter."""


class Pin:
    def __init__(self, number):
        assert number == 34


class ADC:
    def __init__(self, pin):
        pass

    def read(self):
        return 1840
