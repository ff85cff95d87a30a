"""Deployments over HTTP."""

from dataclasses import replace

from serving.records.deployment_routes import router
from stores.records.deployments import Deployment, ModelPointer
from tests.support.desk import desk_of


def pointer(version: str) -> ModelPointer:
    return ModelPointer(
        name="tiny", version=version, artifact_uri=f"/models/{version}", sha256="00"
    )


FIRST = Deployment(
    scenario="tiny",
    champion=pointer("1"),
    thresholds={"hot": 0.5},
    policy_version="1",
    deployed_at="2026-11-01T00:00:00+00:00",
    deployed_by="ada@host",
    number=1,
    reason="first",
)
SECOND = replace(
    FIRST,
    champion=pointer("2"),
    previous=FIRST.champion,
    deployed_at="2026-11-08T00:00:00+00:00",
    number=2,
    reason="<b>better</b>",
)


def test_changes_come_newest_first_and_name_no_path() -> None:
    client = desk_of(router({"tiny": lambda: [FIRST, SECOND]})).client("all")
    answer = client.get("/v1/tiny/deployments")
    newest, first = answer.json()["deployments"]
    assert (newest["champion"], newest["reason"]) == ("2", "<b>better</b>")
    assert (first["number"], answer.json()["complete"]) == (1, True)
    assert "/models" not in answer.text


def test_the_version_that_scored_at_a_time_is_named() -> None:
    client = desk_of(router({"tiny": lambda: [FIRST, SECOND]})).client("all")
    for at, version in (("2026-11-05T00:00:00Z", "1"), ("2026-11-09", "2")):
        scored = client.get("/v1/tiny/deployments", params={"at": at}).json()["scored_at"]
        assert scored["version"] == version
    assert client.get("/v1/tiny/deployments", params={"at": "2026-10-01"}).status_code == 404
    assert client.get("/v1/tiny/deployments", params={"at": "soon"}).status_code == 422
    assert client.get("/v1/shops/deployments").status_code == 404


def test_a_history_with_a_gap_is_not_called_complete() -> None:
    client = desk_of(router({"tiny": lambda: [SECOND]})).client("all")
    assert client.get("/v1/tiny/deployments").json()["complete"] is False
