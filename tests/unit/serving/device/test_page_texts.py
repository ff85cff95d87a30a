"""The page's script finds all of its texts, in both languages."""

import re
from importlib.resources import files

from serving.device.page import SCRIPT_TEXTS
from serving.pages.texts import LANGUAGES, texts


def test_script_and_page_use_the_same_texts() -> None:
    script = files("serving").joinpath("static", "device.js").read_text(encoding="utf-8")
    used = set(re.findall(r'\btext\("(\w+)"', script)) | {"golden_differs", "failed"}
    assert used == set(SCRIPT_TEXTS)


def test_both_languages_have_the_same_places_for_values() -> None:
    places = [
        {
            key: sorted(re.findall(r"\{\w+\}", text))
            for key, text in texts(language).items()
            if key.startswith("device.")
        }
        for language in LANGUAGES
    ]
    assert len(places[0]) > 30
    assert places[0] == places[1]
