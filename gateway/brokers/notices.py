"""Mosquitto's notices about itself, on topics of its own: messages it dropped, and logins it refused."""

DROPPED = "$SYS/broker/publish/messages/dropped"  # counts messages that its queues did not take
LOG = "$SYS/broker/log/N"  # tells which logins it refused (log_dest topic)
NOTICES = (DROPPED, LOG)
_TURNED_AWAY = b"not authorised"


class Notices:
    """The broker's figures so far. A figure is None until the broker gives a notice of its kind."""

    def __init__(self) -> None:
        self.dropped: int | None = None  # messages since the broker started
        self.refused_logins: int | None = None  # since the gateway's start

    def take(self, topic: str, payload: bytes) -> bool:
        """Take a message's figure if it is a notice; returns whether it is one."""
        if topic == DROPPED:
            if payload.isdigit():
                self.dropped = int(payload[:18])
            return True
        if topic == LOG:
            self.refused_logins = (self.refused_logins or 0) + (_TURNED_AWAY in payload)
            return True
        return False
