"""The texts of the pages in two languages, from serving/texts/PART.LANGUAGE.toml."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fastapi import Request

LANGUAGES = ("en", "de")
COOKIE = "everscore_language"

Texts = Mapping[str, str]  # PART.KEY → text


class TextMissing(KeyError):
    """No text has this key in one of the languages, a mistake of ours; the message names both."""


@cache
def texts(language: str) -> Texts:
    """All texts of `language`, by `PART.KEY`."""
    result = {}
    suffix = f".{language}.toml"
    for file in sorted(files("serving").joinpath("texts").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(suffix):
            for part, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
                result.update({f"{part}.{key}": text for key, text in table.items()})
    return result


def text(language: str, key: str, **values: object) -> str:
    """The text of `key` with `values` in its places `{name}`; raises `TextMissing`."""
    try:
        template = texts(language)[key]
    except KeyError:
        raise TextMissing(f"there is no text {key!r} in language {language!r}") from None
    return template.format(**values) if values else template


def language_of(request: Request) -> str:
    """What the person chose, else what the browser prefers among our languages, else English."""
    preferred = request.cookies.get(COOKIE, "")
    if preferred in LANGUAGES:
        return preferred
    for part in request.headers.get("Accept-Language", "")[:200].split(","):
        language = part.partition(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def age_text(language: str, seconds: float) -> str:
    """A length of time as people say it: `12 s`, `5 min`, `3 h`, `4 days`."""
    whole = max(0, int(seconds))
    for unit, length in (("days", 172_800), ("hours", 7_200), ("minutes", 120)):
        if whole >= length:
            divisor = {"days": 86_400, "hours": 3_600, "minutes": 60}[unit]
            return text(language, f"desk.age_{unit}", count=whole // divisor)
    return text(language, "desk.age_seconds", count=whole)
