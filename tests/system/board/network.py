"""The part of an ESP32's `network` that main.py uses: a station that joins unless `away`."""

STA_IF = 0
away = False


class WLAN:
    def __init__(self, which):
        self._joined = False

    def active(self, on):
        pass

    def isconnected(self):
        return self._joined

    def connect(self, ssid, password):
        assert (ssid, password) == ("village", "of wifi")
        if away:
            raise OSError("Wifi Internal Error")
        self._joined = True

    def status(self, what):
        assert what == "rssi"
        if not self._joined:
            raise OSError("Wifi Not Connected")
        return -67
