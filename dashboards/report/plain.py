"""The report as plain Markdown: the same content, for an office that pastes it into its own form."""

from collections.abc import Iterator

from dashboards.report.compose import Block, Report

_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|"})


def markdown(report: Report) -> str:
    """The report as CommonMark with tables."""
    lines = [
        f"{report.above}  ", f"**{report.office}**  ", report.number, "",
        f"**{report.state}**  ", f"**{report.motto}**  ", f"*{report.place_and_date}*", "",
        f"# {report.title}", "", f"**{report.subject}**", "",
    ]  # fmt: skip
    for block in report.blocks:
        lines += [*_lines(block), ""]
    lines += [f"**{report.recipients_title}**", "", *(f"- {_safe(one)}" for one in report.recipients), ""]
    lines += [f"**{one}**  \n{report.sign_here}\n" for one in report.signatures]
    return "\n".join([*lines, f"*{report.foot}*", ""])


def _lines(block: Block) -> Iterator[str]:
    if block.kind == "heading":
        yield f"## {block.text}"
    elif block.kind == "note":
        yield f"> **{_safe(block.text)}**"
    elif block.kind == "list":
        yield from (f"{number}. {_safe(item)}" for number, (item,) in enumerate(block.rows, 1))
    elif block.kind in ("table", "chart"):
        if block.kind == "chart":
            yield from (f"**{_safe(block.text)}**", "")
        head, *rows = block.rows
        yield _row(head)
        yield _row(("---",) * len(head), raw=True)
        yield from (_row(row) for row in rows)
        if block.text and block.kind == "table":
            yield from ("", f"*{_safe(block.text)}*")
    else:
        yield _safe(block.text)


def _row(cells: tuple[str, ...], *, raw: bool = False) -> str:
    return "| " + " | ".join(cells if raw else map(_safe, cells)) + " |"


def _safe(text: str) -> str:
    return text.translate(_MARKS)
