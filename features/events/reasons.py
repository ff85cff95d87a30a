"""Why an event was refused: a short code for machines, a sentence for people.

The rule that each code stands for is in features/events/rules.py.
"""

from dataclasses import dataclass

NULL_KEY = "null_key"
NULL_VALUE = "null_value"
TOO_LARGE = "too_large"
NOT_UTF8 = "not_utf8"
MALFORMED_JSON = "malformed_json"
TOO_DEEP = "too_deep"
NOT_AN_OBJECT = "not_an_object"
DUPLICATE_KEY = "duplicate_key"
UNKNOWN_EVENT_TYPE = "unknown_event_type"
MISSING_FIELD = "missing_field"
WRONG_TYPE = "wrong_type"
NOT_FINITE = "not_finite"
OUT_OF_RANGE = "out_of_range"
KEY_MISMATCH = "key_mismatch"
WRONG_PARTITION = "wrong_partition"
FUTURE_EVENT = "future_event"
# In dead letters of earlier versions only; today's rules have names for all that it stood for.
FORMER_REASON_CODES = ("invalid",)
# Not a fault of the event: its entity was erased, see stores/records/erasures.py.
ERASED = "erased"

REASON_CODES = (
    NULL_KEY,
    NULL_VALUE,
    TOO_LARGE,
    NOT_UTF8,
    MALFORMED_JSON,
    TOO_DEEP,
    NOT_AN_OBJECT,
    DUPLICATE_KEY,
    UNKNOWN_EVENT_TYPE,
    MISSING_FIELD,
    WRONG_TYPE,
    NOT_FINITE,
    OUT_OF_RANGE,
    KEY_MISMATCH,
    WRONG_PARTITION,
    FUTURE_EVENT,
)

# Of schemas with attachments: what their kinds refuse, see features/images/reading.py for images.
ATTACHMENT_MALFORMED = "attachment_malformed"  # neither contents nor a reference
ATTACHMENT_MISSING = "attachment_missing"  # the store does not have what is referred to
ATTACHMENT_TOO_LARGE = "attachment_too_large"  # of the file, or of what it unpacks to
ATTACHMENT_BROKEN = "attachment_broken"
ATTACHMENT_WRONG_SIZE = "attachment_wrong_size"
ATTACHMENT_WRONG_KIND = "attachment_wrong_kind"  # of another modality, or nothing of the sort
ATTACHMENT_BLANK = "attachment_blank"
ATTACHMENT_INVERTED = "attachment_inverted"
ATTACHMENT_CODES = (
    ATTACHMENT_MALFORMED,
    ATTACHMENT_MISSING,
    ATTACHMENT_TOO_LARGE,
    ATTACHMENT_BROKEN,
    ATTACHMENT_WRONG_SIZE,
    ATTACHMENT_WRONG_KIND,
    ATTACHMENT_BLANK,
    ATTACHMENT_INVERTED,
)
REFUSAL_CODES = (*REASON_CODES, *ATTACHMENT_CODES)

# Not the decoder's: the event is valid, but model, explainer or policy cannot judge it.
UNSCORABLE = "unscorable"

# Dead letters that must not be published again as events: an event without a verdict was folded
# into its entity's state before it was judged, so a second copy of it would be counted twice; the
# dead letter of an erased entity holds nothing to publish.
NOT_REPLAYABLE = frozenset({UNSCORABLE, ERASED})


@dataclass(frozen=True)
class Refusal:
    """One refused event: its row in the batch, a reason code and a sentence.

    home: the partition where an event of its key belongs, where that is the reason
    """

    row: int
    code: str
    sentence: str
    home: int | None = None
