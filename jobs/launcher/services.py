"""Check that Kafka and HBase answer, before a job starts anything."""

import logging
import socket
import time

import happybase

from conf.sections import Hbase, Kafka
from jobs.launcher.kafka_options import client_options
from stores.kafka.clients import new_admin

_LIMIT_SECONDS = 8.0


class ServiceDown(Exception):
    """A service that the job needs does not answer; the message names host and port."""

    exit_code = 3


def require_kafka(kafka: Kafka) -> None:
    """Return when one broker sends the cluster's metadata; ServiceDown within 10 s otherwise."""
    deadline = time.monotonic() + min(kafka.request_timeout_seconds, _LIMIT_SECONDS)
    servers = kafka.bootstrap_servers.split(",")
    reasons = {}
    for server in servers:
        host, _, port = server.rpartition(":")
        left_seconds = max(0.5, (deadline - time.monotonic()) / 2)
        if reason := _refusal(host, int(port), timeout_seconds=left_seconds / len(servers)):
            reasons[server] = reason
    if len(reasons) == len(servers):
        failures = "; ".join(f"{server}: {reason}" for server, reason in reasons.items())
        raise ServiceDown(f"Kafka does not answer at {failures}. {_REMEDY}")
    left_ms = int(max(1.0, deadline - time.monotonic()) * 1000)
    loggers = [logging.getLogger(name) for name in ("kafka", "kafka.client", "kafka.conn")]
    levels = [(logger, logger.level) for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)  # the error below says it in one line
        options = {**client_options(kafka), "request_timeout_ms": left_ms}
        client = new_admin(options, bootstrap_timeout_ms=left_ms)
        try:
            client.list_topics()
        finally:
            client.close()
    except Exception as error:
        raise ServiceDown(
            f"Kafka at {kafka.bootstrap_servers} accepts a connection but no metadata came: "
            f"{type(error).__name__}: {error}. {_REMEDY}"
        ) from error
    finally:
        for logger, level in levels:
            logger.setLevel(level)


def require_hbase(hbase: Hbase) -> None:
    """Return when the Thrift gateway lists the tables; ServiceDown within 10 s otherwise."""
    address = f"{hbase.thrift_host}:{hbase.thrift_port}"
    limit_seconds = min(hbase.timeout_seconds, _LIMIT_SECONDS)
    if reason := _refusal(hbase.thrift_host, hbase.thrift_port, timeout_seconds=limit_seconds / 2):
        raise ServiceDown(
            f"HBase's Thrift gateway does not answer at {address}: {reason}. {_REMEDY}"
        )
    try:
        connection = happybase.Connection(
            hbase.thrift_host, hbase.thrift_port, timeout=int(limit_seconds * 1000)
        )
        try:
            connection.tables()
        finally:
            connection.close()
    except Exception as error:
        raise ServiceDown(
            f"HBase's Thrift gateway at {address} accepts a connection but lists no tables: "
            f"{type(error).__name__}: {error}. {_REMEDY}"
        ) from error


_REMEDY = "Is it running? Locally: `make status`, `make up`"


def _refusal(host: str, port: int, *, timeout_seconds: float) -> str | None:
    """Why no TCP connection can be made; None when one can."""
    try:
        socket.create_connection((host, port), timeout=timeout_seconds).close()
    except OSError as error:
        return error.strerror or str(error)
    return None
