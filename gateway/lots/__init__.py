"""What traceability reads from the store, and what the boards learn about lots.

growth.py    conditions of a plot while a lot grew (the port `traceability.records.conditions.Grew`)
told.py      a lot's points in the store, and how they are emptied when its time is corrected
openings.py  how often the records of lots were opened
"""
