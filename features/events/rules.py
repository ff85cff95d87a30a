"""The rules that make a record's bytes an event; every reader of events follows this page.

There are two readers: `features/events/fast/reader.py` takes what it recognises at once and leaves
all else to `features/events/strict_reader.py`, which judges everything. Which one reads an event
never changes what becomes of it. Both take names, ranges and choices from the scenario's
`EventSchema`, and the limits from here. The first rule that is broken gives the reason code, in
this order.

 1. Value. There is one (`null_value`), of at most `max_event_bytes` (`too_large`), all of it UTF-8
    without surrogates (`not_utf8`): ignored fields included.
 2. JSON (RFC 8259), all of it: ignored fields included. From left to right the first fault counts:
    more than `MAX_NESTING` lists and objects open at once (`too_deep`; the event itself is one), or
    anything that is no JSON, half of a surrogate pair in a string among it (`malformed_json`).
    NaN, Infinity and -Infinity are no JSON (`malformed_json`); as the value of a number field of
    the event's type they are `not_finite` instead, judged with rule 7.
 3. The value is an object (`not_an_object`), and no object in it, ignored ones included, has two
    keys that mean the same text, however they are escaped (`duplicate_key`).
 4. `type` is one of the schema's (`missing_field`, `unknown_event_type`).
 5. The entity's id is a string (`missing_field`, `wrong_type`) of 1 to `MAX_ENTITY_BYTES` bytes of
    UTF-8 (`out_of_range`).
 6. `event_time` is a time of RFC 3339 with its zone (`missing_field`, `wrong_type`), such as
    2026-01-31T23:59:59.123Z. A small t or a space may stand for the T and a small z for the Z; the
    offset may be written +02:00 or +0200; a second may have any number of decimals. The date exists
    in years 0001 to 9999, the hour ends at 23, the second at 59. It counts in milliseconds since
    1970, rounded to the nearest, a half to the even one, and is not before 1970 (`out_of_range`).
 7. The fields of the event's type, in the order of the schema: required ones are there
    (`missing_field`); null is a value, and of no field's type (`wrong_type`).
    - A category is a string (`wrong_type`) and equals one of the choices (`out_of_range`); how it
      is escaped does not matter.
    - A number is a JSON number (`wrong_type`). Its value is the float64 nearest to its exact
      decimal value, a half to the even one; there must be a finite one (`not_finite`, such as
      1e999). Zero has no sign: -0.0 is 0.0. A whole-number field takes every spelling of a whole
      number (2, 2.0, 20e-1) by its exact decimal value (`wrong_type` for 2.00000000000000000001).
       The value lies in the range (`out_of_range`): of a whole number the exact value, else the
      float64.
    - An attachment, such as an image, is a string (`wrong_type`) with its contents or a reference
      to them. Attachments come after all other fields; what they are refused for (`attachment_…`)
      is up to their kind, see features/images/reading.py.
 8. The record's key: there is one (`null_key`), and it is the id's UTF-8 (`key_mismatch`).
 9. `event_time` is at most `max_future_skew_seconds` after the broker's time (`future_event`).
10. The record lies in its key's home partition (`wrong_partition`), see partitioners.py.

Other fields are ignored. Beyond rules 1 to 3 they change nothing: neither what is read of the
others nor how it is judged.
"""

# As serde_json has it. Fixed, so that it depends on nothing: not on the caller's stack either.
MAX_NESTING = 128
MAX_ENTITY_BYTES = 512

# Reason code and sentence.
Finding = tuple[str, str]
