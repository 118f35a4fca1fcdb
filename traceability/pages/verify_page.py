"""The page that checks a record with its addenda, or a sealed report, in a browser: one file, no network.

Others may host it. Its script does what check.py, offline.py and story.py do, with the browser's own Ed25519
and SHA-256. The policy in the page allows that script, by its hash, and forbids fetching anything.
"""

import base64
import hashlib
import json
from pathlib import Path

from markupsafe import Markup

from devices.texts import Lang, catalogue
from traceability.diary import entries
from traceability.pages.frame import PAGES

# the fields that a correction may change, under their names in the form
FIELDS = {"form.when", *(f"form.{field.name}" for kind in entries.PLAIN for field in entries.FORMS[kind])}
TEMPLATES = Path(__file__).parents[1] / "templates"


def page(lang: Lang) -> bytes:
    """The page in one language."""
    script, style = ((TEMPLATES / f"verify.{kind}").read_text("utf-8") for kind in ("js", "css"))
    words = {key.removeprefix("verify."): entry[lang] for key, entry in catalogue().items()
             if key.startswith(("verify.", "lot.", "event.", "form.choice_")) or key in FIELDS}  # fmt: skip
    script = script.replace('"WORDS"', json.dumps(words, ensure_ascii=True).replace("<", "\\u003c"))
    return PAGES.body(
        "verify.html", lang, words=words, script=Markup(script), style=Markup(style),  # noqa: S704 -- our own files
        policy=policy(script, style),
    ).encode()  # fmt: skip


def policy(script: str, style: str) -> str:
    """The page's Content-Security-Policy: run this script, use this style, and nothing else."""
    allowed = {"script-src": script, "style-src": style}
    hashes = [f"{name} 'sha256-{_hash(content)}'" for name, content in allowed.items()]
    return "; ".join(["default-src 'none'", *hashes, "base-uri 'none'", "form-action 'none'"])


def _hash(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
