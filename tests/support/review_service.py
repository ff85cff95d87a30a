"""A web service with the review queue alone, as a process that a test can kill.

python -m tests.support.review_service SCENARIO HBASE_HOST HBASE_PORT NAMESPACE KAFKA PORT LEASE
"""

import sys
from dataclasses import replace

import uvicorn
from fastapi import Request

from serving.access.roles import Principal, Role
from serving.app import create_app
from serving.parts import Serving
from serving.review_queue.case_store import cases_in_hbase
from serving.review_queue.keeper_thread import KeeperThread
from serving.review_queue.queue import ReviewQueue
from serving.review_queue.routes import router
from serving.review_queue.rules import QueueRules
from serving.sessions import SessionPool
from stores.hbase.connection import HBaseStore
from stores.kafka.cluster import KafkaCluster
from tests.scenarios.tiny import SCENARIO


def caller_of(request: Request) -> Principal:
    """Whoever the request names."""
    return Principal(name=request.headers["X-Name"], roles=frozenset({Role.REVIEWER}))


def main(
    name: str, host: str, hbase_port: str, namespace: str, servers: str, port: str, lease: str
) -> None:
    """Serve until killed."""
    store = HBaseStore(host, int(hbase_port), namespace)
    scenario = replace(SCENARIO, name=name)
    rules = QueueRules(plan=scenario.review, lease_seconds=float(lease))
    open_store = cases_in_hbase(SessionPool(store, retry_seconds=20.0), name)
    KeeperThread(
        scenario=name,
        rules=rules,
        open_store=open_store,
        hbase=store,
        kafka=KafkaCluster(servers, timeout_seconds=30.0),
        max_bytes=1_000_000,
        log=lambda line: print(line, flush=True),
    ).start()
    queues = {name: ReviewQueue(scenario, rules, open_store)}
    app = create_app(
        Serving(scenarios={name: scenario}, routers=(router(queues),), authenticate=caller_of)
    )
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", lifespan="off")


if __name__ == "__main__":
    main(*sys.argv[1:])
