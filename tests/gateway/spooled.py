"""Messages to put into a spool, and the figures of its books."""

from gateway.ingest.message import Message, Outcome, Refusal


def message(n, payload=b"x", **flags):
    return Message(f"hoiquan/v1/p/c/d{n}/telemetry", payload, 1_700_000_000_000 + n, **flags)


def counts(spool):
    books = spool.books()
    assert books.balanced
    return books.received, books.stored, books.duplicate, books.quarantined, books.spooled


def refuse(spool, messages, reason="not_json"):
    spool.append(messages)
    spool.settle(spool.pending(10**6), Outcome(refused=[Refusal(m, reason, "") for m in messages]))
