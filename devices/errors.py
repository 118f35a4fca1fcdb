"""Errors that are shown to people, and errors that outside content may cause in our own code."""


class UserError(ValueError):
    """A person's input cannot be used, or is not what was expected. str(error) is one line that says so; the
    command prints that line. Any other error of ours is a defect, and shows itself as one.
    """


# Errors that unexpected content can raise in our own code: a value nobody thought of. Code that handles
# messages, events or records one by one catches these, sets the item aside with the error's text, and goes on
# with the next. Other errors (a disk, a database, a broker, memory, a signal) say nothing about the content
# and are not caught.
CONTENT = (
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
)


def error_text(error: BaseException) -> str:
    """The error's type and text on one line, for a person who looks for its cause."""
    return " ".join(f"{type(error).__name__}: {error}".split())
