"""The agent page over a real HBase and Kafka: search, what-ifs on stored states, an outcome."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from scenarios.contract.actionable import Actionable
from scenarios.contract.judging.condition import Condition
from scenarios.contract.records.outcomes import OutcomeDecoder
from serving.access.capacity import Capacity
from serving.agent_page.answers import AnswerBook
from serving.agent_page.desk import AgentDesk
from serving.agent_page.routes import router
from serving.agent_page.search import IdSearch
from serving.records.outcomes import OutcomePosting
from serving.rows.latest import LatestRows
from serving.scoring.event_posting import producer_in_use
from serving.scoring.score_now import ScoreNow
from serving.scoring.stored_states import states_in_store
from serving.scoring.versions import CurrentModels, Versions
from serving.sessions import SessionPool
from stores.hbase.predictions import row_document
from stores.hbase.states import StateTable
from streaming.scoring.models_in_use import ModelsInUse
from tests.scenarios.tiny import SCENARIO
from tests.support.desk import csrf_token, desk_of
from tests.support.lane import Lane
from tests.support.latest_cells import latest_row
from tests.support.output_messages import records_of
from tests.support.tiny_pass import tiny_settings
from tests.support.tiny_scoring import LIMITS, no_other_version
from tests.support.tiny_states import readings, tiny_cells

COOL = Actionable(
    name="cool",
    words="let it cool down",
    event_type="reading",
    fields=(("temperature_c", 10.0), ("mode", "idle")),
    when=(Condition(feature="temperature_c", at_least=50.0),),
)
MACHINES = 300
POSITION = 7


@pytest.fixture(scope="module")
def hottest(lane: Lane) -> str:
    """States and rows of 300 machines; the one that is hot."""
    events = readings(MACHINES, machines=MACHINES)
    cells = tiny_cells(events)
    machines = list(cells)
    rows = [
        row_document(latest_row(machine, score=0.9 if machine == "machine 4" else 0.1))
        for machine in machines
    ]
    with lane.session() as session:
        StateTable(session, "tiny").write(machines, list(cells.values()), rows, position=POSITION)
    return "machine 4"  # 148 °C


def test_an_agent_searches_asks_what_lowers_the_score_and_records_an_outcome(
    lane: Lane, hottest: str
) -> None:
    scenario = replace(SCENARIO, actionable=(COOL,))
    pool = SessionPool(lane.store, retry_seconds=20.0)
    producer = producer_in_use(lane.kafka, max_event_bytes=10_000)
    with lane.session() as session:
        models = ModelsInUse(tiny_settings(), session, scenario, is_worker=False)
        versions = Versions(scenario, CurrentModels(models), no_other_version)
        scorer = ScoreNow(scenario, versions, states_in_store(pool, scenario), **LIMITS)
        posting = OutcomePosting(scenario, OutcomeDecoder(**LIMITS), producer.producer)
        desk = AgentDesk(
            scenario=scenario,
            latest=LatestRows(pool, "tiny"),
            search=IdSearch(pool, "tiny", most_seconds=60.0),
            answers=AnswerBook(
                lambda document: str(posting.post(document, datetime.now(UTC)).offset)
            ),
            what_if=scorer.what_if,
            features=lambda machine: dict(
                zip(scenario.feature_names, scorer.features_now(machine).tolist(), strict=True)
            ),
        )
        routes = router(
            {"tiny": desk},
            what_ifs=Capacity(8, "what-ifs"),
            histories=Capacity(8, "histories"),
        )
        agent = desk_of(routes, scenarios={"tiny": scenario}).browser("agent")
        try:
            base = "/desk/tiny/agent"
            found = agent.get(base, params={"q": "machine 4"})
            assert found.status_code == 303  # the whole id
            found = agent.get(base, params={"q": "machine 29"})
            assert found.status_code == 303
            found = agent.get(base, params={"q": "machine 2"}, follow_redirects=True)
            assert "machine 2" in found.text
            ids = IdSearch(pool, "tiny", most_seconds=60.0)
            beginning = [f"machine {n}" for n in range(MACHINES) if str(n).startswith("29")]
            assert ids.beginning_with("machine 29", limit=50).entities == tuple(sorted(beginning))
            assert ids.beginning_with("machine 29", limit=50).is_whole
            few = ids.beginning_with("machine", limit=20)
            assert len(few.entities) == 20
            assert not few.is_whole

            lower = agent.get(f"{base}/lower", params={"id": hottest})
            assert lower.status_code == 200
            assert COOL.words in lower.text

            card = agent.get(f"{base}/customer", params={"id": hottest})
            fields = {
                "prediction_id": "tiny-1-0-7-v1",
                "status": "accepted",
                "offer": COOL.words,
                "csrf_token": csrf_token(card.text),
            }
            for _ in range(2):
                answer = agent.post(f"{base}/outcome", params={"id": hottest}, data=fields)
                assert answer.status_code == 303
        finally:
            producer.close()
            pool.close()
    ends = {partition: end for partition, (_, end) in lane.kafka.offsets("tiny.outcomes").items()}
    records = [
        msgspec.json.decode(record.value)
        for of_partition in records_of(lane.servers, "tiny.outcomes", ends).values()
        for record in of_partition
    ]
    assert [(record["entity"], record["status"]) for record in records] == [(hottest, "accepted")]
