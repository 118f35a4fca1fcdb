"""A name in both languages."""

from pydantic import BaseModel, ConfigDict


class Names(BaseModel):
    """Vietnamese and English; `get` gives the one of a language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vi: str
    en: str

    def get(self, lang: str) -> str:
        return self.en if lang == "en" else self.vi
