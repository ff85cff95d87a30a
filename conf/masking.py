"""What may be printed: passwords, tokens and keys never are."""

import re

MASK = "********"
_SECRET_NAME = re.compile(r"secret|passw|pasw|token|credential|access[._]?key|jaas", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)([^/@\s:]+):[^/@\s]+(?=@)")


def masked(path: str, value: object) -> str:
    """`value` for people: masked when its name or type says secret, or a password is in a URL."""
    if value is None:
        return "(not set)"
    if _SECRET_NAME.search(path) or type(value).__name__ == "SecretStr":
        return MASK
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _USER_INFO.sub(rf"\1:{MASK}", text) if text else "(empty)"
