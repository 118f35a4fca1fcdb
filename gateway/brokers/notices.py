"""What Mosquitto says of itself, on topics of its own: messages it dropped, and logins it refused."""

DROPPED = "$SYS/broker/publish/messages/dropped"  # counts what its queues did not take
LOG = "$SYS/broker/log/N"  # tells whom it turned away (log_dest topic)
NOTICES = (DROPPED, LOG)
_TURNED_AWAY = b"not authorised"


class Notices:
    """What the broker has told so far. A figure is None while the broker says nothing of the kind."""

    def __init__(self) -> None:
        self.dropped: int | None = None  # messages since the broker started
        self.refused_logins: int | None = None  # since the gateway looks

    def take(self, topic: str, payload: bytes) -> bool:
        """Note it if it is a notice; returns whether it is one."""
        if topic == DROPPED:
            if payload.isdigit():
                self.dropped = int(payload[:18])
            return True
        if topic == LOG:
            self.refused_logins = (self.refused_logins or 0) + (_TURNED_AWAY in payload)
            return True
        return False
