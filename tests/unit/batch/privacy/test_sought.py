"""An id is found in every spelling, and nobody else's record for it."""

import pytest

from batch.privacy.sought import Sought

FIELDS = ("machine", "entity")


@pytest.mark.parametrize(
    "text",
    [
        '{"machine":"7590-VHVEG","x":1}',
        "{'odd': 7590-VHVEG",
        "entity 7590-VHVEG\n",
        "<td>7590-VHVEG</td>",
        "key b'm' is not the event's machine '7590-VHVEG'",
        '{"entity" : "7590-VHVEG',  # cut off
    ],
)
def test_a_distinctive_id_is_found_wherever_it_stands(text: str) -> None:
    assert Sought(("7590-VHVEG",), FIELDS).is_in(text)


@pytest.mark.parametrize("text", ["17590-VHVEG", "7590-VHVEGA", "7590-VHVEG-2", "7590_VHVEG", ""])
def test_a_longer_id_is_another_one(text: str) -> None:
    assert not Sought(("7590-VHVEG",), FIELDS).is_in(text)


def test_a_number_is_an_id_only_where_ids_stand() -> None:
    sought = Sought(("4096",), FIELDS)
    assert sought.is_in('{"machine": 4096}')
    assert sought.is_in('{"entity":"4096","a":1}')
    assert not sought.is_in('{"amount": 4096, "machine": "40960"}')
    assert sought.is_cell("4096")
    assert sought.is_cell("'4096")  # as lists write what looks like a formula
    assert not sought.is_cell("40961")


@pytest.mark.parametrize("entity", ['say "hi" <b>', "Zoë-Müller", "a.*b[c](d)", "x\\y\\z\\1"])
def test_an_id_is_found_as_json_and_html_write_it(entity: str) -> None:
    import html
    import json

    sought = Sought((entity,), FIELDS)
    for text in (
        json.dumps({"machine": entity}),
        json.dumps({"machine": entity}, ensure_ascii=False),
        f"<td>{html.escape(entity)}</td>",
        entity,
    ):
        assert sought.is_in(text), text
    assert not sought.is_in("a.b[c](d) or Zoe")
