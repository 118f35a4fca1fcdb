"""`hoiquan doctor`: checks each part and says what is wrong and what to do.

settings ─► report.CHECKS, each with the Visit (finding.py) ─► findings ─► printed
             data.py  broker.py  gateways.py  records.py  store.py  pages.py

It only reads, so it may run beside a gateway. If nothing runs, it says so.
"""
