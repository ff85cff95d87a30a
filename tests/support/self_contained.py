"""What an HTML page would load from elsewhere; a page for people must load nothing."""

import re
from html.parser import HTMLParser

_LOADING = {"src", "srcset", "poster", "data", "action", "formaction", "background"}
_LINKS_ARE_FINE = {"a", "area"}
_IN_STYLES = re.compile(r"@import\s+[^;]+|url\(\s*['\"]?(?!data:|#)[^)'\"]+", re.IGNORECASE)


class _Loads(HTMLParser):
    """Collects what tags and styles load; goes into pages within the page."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self._is_in_style = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._is_in_style = tag == "style"
        for name, value in attributes:
            text = value or ""
            is_reference = name in ("href", "xlink:href") and tag not in _LINKS_ARE_FINE
            if (name in _LOADING or is_reference) and not text.startswith(("data:", "#")):
                self.references.append(f"<{tag} {name}={text[:80]}>")
            if name == "style":
                self.references += _IN_STYLES.findall(text)
            if name == "srcdoc":
                self.references += loaded_from_elsewhere(text)

    def handle_endtag(self, tag: str) -> None:
        self._is_in_style = False

    def handle_data(self, data: str) -> None:
        if self._is_in_style:
            self.references += _IN_STYLES.findall(data)


def loaded_from_elsewhere(html: str) -> list[str]:
    """Scripts, styles, fonts, images and frames that `html` does not bring itself."""
    parser = _Loads()
    parser.feed(html)
    return parser.references
