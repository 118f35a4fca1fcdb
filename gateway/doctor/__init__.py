"""`hoiquan doctor`: looks at each part and says what is wrong and what to do.

settings ─► report.CHECKS, each given the Visit (finding.py) ─► findings ─► printed
             data.py  broker.py  gateways.py  records.py  store.py  pages.py

It only reads, so that it may run beside a gateway, and it works where nothing runs: then it says so.
"""
