"""The report as plain Markdown: the same content, for an office that pastes it into its own form."""

from collections.abc import Iterator

from dashboards.report.document import Block, Report

_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|"})


def markdown(report: Report) -> str:
    """The report as CommonMark with tables."""
    lines = [f"> **{_safe(report.mark)}**", ""] if report.mark else []
    lines += [
        f"{_safe(' '.join(report.above))}  ", f"**{_safe(' '.join(report.office))}**  ", report.number, "",
        f"**{report.state}**  ", f"**{report.motto}**  ", f"*{report.place_and_date}*", "",
        f"# {report.title}", "", f"**{_safe(report.subject)}**", "",
        f"{report.addressed} {_safe(' '.join(report.to))}", "",
    ]  # fmt: skip
    for one in report.basis:
        lines += [f"*{_safe(one)}*", ""]
    lines += [_safe(report.opening), ""]
    lines += _all(report.blocks)
    lines += [_safe(report.closing), "", f"**{report.recipients_title}**", ""]
    lines += [*(f"- {_safe(one)}" for one in report.recipients), ""]
    lines += [f"**{_safe(one)}**\n" for one in report.signatures]
    for annex in report.annexes:
        lines += [f"## {annex.number}", "", f"**{_safe(annex.name)}**  ", f"*{_safe(annex.attached)}*", ""]
        lines += _all(annex.blocks)
    return "\n".join(lines)


def _all(blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in blocks:
        yield from _lines(block)
        yield ""


def _lines(block: Block) -> Iterator[str]:
    if block.kind == "heading":
        yield f"## {block.text}"
    elif block.kind == "list":
        yield from (f"- {_safe(item)}" for (item,) in block.rows)
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
