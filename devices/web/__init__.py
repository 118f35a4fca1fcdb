"""What all web pages share, whoever shows them. FastAPI and Jinja are imported by nothing else in devices.

request ─► language.py (cookie, else Accept-Language) ─► frame.py (template, headers) ─► answer
"""
