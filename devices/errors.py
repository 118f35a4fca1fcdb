"""What is raised for people, and what may be raised where something from outside is looked at."""


class UserError(ValueError):
    """What a person gave cannot be used, or is not what it should be; as str it is one line that says so. The
    command shows that line; any other error of ours is a defect, and shows itself as one.
    """


# What content can make our own code raise: a value nobody thought of. Whoever works through messages, events
# or records one by one catches these, sets that one aside with the error's text, and goes on with the next.
# All else (a disk, a database, a broker, memory, a signal) says nothing of the content: it is not caught.
CONTENT = (
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
)


def said(error: BaseException) -> str:
    """The error as one line for a person who looks for its cause: kind and text."""
    return " ".join(f"{type(error).__name__}: {error}".split())
