"""The diary on a phone: a group's secretary signs in and writes events, in pages without a script.

sign_in.py (throttle.py) ─► form.py ─► diary.entries ─► post.py ─► broker, like a device
            upload.py (files) ─┘ └─ book.py (lots and entries so far)
"""
