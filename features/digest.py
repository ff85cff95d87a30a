"""What a set of features means, in 16 hex digits: equal digests, equal meaning of state cells."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from features.definitions import Feature
from features.fold.window_plan import WindowPlan
from features.schema import Category, EventSchema

# Raise when the kernel computes something else from the same definitions.
KERNEL_VERSION = 1


def digest_of(schema: EventSchema, features: Sequence[Feature], windows: WindowPlan | None) -> str:
    """The digest over fields, features, windows and the kernels' version; words do not count."""
    meaning: dict[str, object] = {
        "kernel": KERNEL_VERSION,
        "types": {kind.name: [f.name for f in kind.fields] for kind in schema.types},
        "categories": {
            field.name: field.values
            for field in schema.fields.values()
            if isinstance(field, Category)
        },
        "features": [
            {"kind": type(f).__name__, **{k: v for k, v in asdict(f).items() if k != "words"}}
            for f in features
        ],
    }
    if schema.attachments:
        meaning["attachments"] = {
            name: dict(attachment.meaning) for name, attachment in schema.attachments.items()
        }
    if windows is not None:
        meaning["windows"] = windows.meaning()
    text = json.dumps(meaning, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
