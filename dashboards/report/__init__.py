"""The yearly report: what the office hands in on 30 November.

store ─► yearly.py ─► compose.py (blocks, drawing.py) ─┬─► paper.py (PDF)
                                                       └─► plain.py (Markdown)
"""
