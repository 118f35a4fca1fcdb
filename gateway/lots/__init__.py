"""What traceability asks of the store, and what the boards learn of lots.

growth.py    conditions of a plot while a lot grew (the port `traceability.records.conditions.Grew`)
told.py      what the store has of a lot, and what it left where its time was corrected
openings.py  how often the records of lots were opened
"""
