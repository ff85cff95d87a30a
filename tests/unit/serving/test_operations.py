"""Who may call what: every operation of the whole service, for every role and for nobody.

`operations.toml` lists them all. A new operation fails here until somebody has said in that file
who may call it; `python -m tests.unit.serving.test_operations` prints what the service has now.
"""

import asyncio
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException, Request
from fastapi.routing import iter_route_contexts

from serving.access.roles import ALL_ROLES, Allowed, Principal, Role
from serving.app import operations
from tests.support.desk import Desk, whole_service

TABLE = Path(__file__).with_name("operations.toml")
EVERYBODY = "everybody"
_PLACE = re.compile(r"\{[^}]*\}")


def listed() -> Mapping[str, Sequence[str]]:
    """Operation → roles; none = no key is needed."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))["operations"]
    return {
        name: sorted(ALL_ROLES) if roles == [EVERYBODY] else roles for name, roles in table.items()
    }


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(whole_service(tmp_path_factory.mktemp("run")))


def test_table_lists_every_operation_of_the_openapi_document(desk: Desk) -> None:
    actual = dict(in_document(desk.app.openapi()))
    expected = {name: sorted(roles) for name, roles in listed().items()}
    assert actual == expected


def test_openapi_document_has_every_operation(desk: Desk) -> None:
    names = [operation.name for operation in operations(desk.app)]
    assert sorted(names) == sorted(dict(in_document(desk.app.openapi())))
    assert len(names) == len(set(names)), "two operations with one method and path"


@pytest.mark.parametrize("name", sorted(listed()))
def test_operation_answers_its_roles_only(desk: Desk, name: str) -> None:
    method, _, template = name.partition(" ")
    allowed_roles = listed()[name]
    if not allowed_roles:
        return
    path = _PLACE.sub("x", template.replace("{scenario}", "churn"))
    page = method == "GET" and template.startswith("/desk")
    assert desk.client().request(method, path).status_code == (303 if page else 401)
    for role in Role:
        if role not in allowed_roles:
            answer = desk.client(role.value).request(method, path)
            assert answer.status_code == 403, f"{role} {name}"
            assert allowed_roles[0] in answer.text
    # Those who are allowed are let in by the same object that refuses the others.
    (check,) = checks_of(desk, method, template)
    assert sorted(role for role in Role if is_let_in(check, role)) == sorted(allowed_roles)


def checks_of(desk: Desk, method: str, template: str) -> list[Allowed]:
    return [
        dependency.call
        for context in iter_route_contexts(desk.app.routes)
        if context.path_format == template and method in (context.methods or ())
        for dependency in context.dependant.dependencies
        if isinstance(dependency.call, Allowed)
    ]


def is_let_in(check: Allowed, role: Role) -> bool:
    caller = Principal(name="x", roles=frozenset({role}))
    state = type("State", (), {"authenticate": staticmethod(lambda request: caller)})
    app = type("App", (), {"state": state})
    try:
        asyncio.run(check(Request({"type": "http", "app": app, "headers": []})))
    except HTTPException:
        return False
    return True


def in_document(document: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for path, entry in document["paths"].items():
        for method, operation in entry.items():
            yield f"{method.upper()} {path}", operation["x-roles"]


def table_of(document: Mapping[str, Any]) -> str:
    """The table as it should be for `document`."""
    lines = ["[operations]"]
    for name, roles in sorted(in_document(document), key=lambda entry: entry[0].split()[::-1]):
        names = [EVERYBODY] if len(roles) == len(Role) else roles
        quoted = ", ".join(f'"{role}"' for role in names)
        lines.append(f'"{name}" = [{quoted}]')
    return "\n".join((*lines, ""))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        print(table_of(Desk(whole_service(Path(folder))).app.openapi()), end="")
