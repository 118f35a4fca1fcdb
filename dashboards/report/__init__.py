"""The yearly report, and the review of several years: what the office hands in on its day.

store ─► yearly ─► results (targets, course, pictures by drawing) ─┐
                   places (a line per commune, annexes) ───────────┴─► compose ─► document.Report
Report ─┬─► paper  PDF/A-2b and PDF/UA-1, by typst           route: /report.pdf and /report.docx
        ├─► word   DOCX, to go on writing in
        └─► plain  Markdown
words: the report's sentences, targets and Roman numbers
"""
