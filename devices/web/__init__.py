"""What all web pages share, whoever shows them. FastAPI and Jinja are imported by nothing else in devices.

request ─► named.py (whose name is it?) ─► options.py ─► conditional.py (HEAD, 304) ─► route
   route ─► language.py (cookie, else Accept-Language) ─► frame.py (template, headers) ─► answer
"""
