"""Kafka's address and credentials in the words of each client: kafka-python and Spark."""

from typing import Any

from conf.sections import Kafka


def client_options(kafka: Kafka) -> dict[str, Any]:
    """Keyword arguments of every kafka-python client."""
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers.split(","),
        "security_protocol": kafka.security_protocol,
        "request_timeout_ms": int(kafka.request_timeout_seconds * 1000),
    }
    if kafka.sasl_mechanism:
        options["sasl_mechanism"] = kafka.sasl_mechanism
        options["sasl_plain_username"] = kafka.sasl_username
        options["sasl_plain_password"] = _password(kafka)
    return options


def spark_options(kafka: Kafka) -> dict[str, str]:
    """Options of Spark's Kafka source and sink."""
    options = {
        "kafka.bootstrap.servers": kafka.bootstrap_servers,
        "kafka.security.protocol": kafka.security_protocol,
    }
    if kafka.sasl_mechanism:
        module = "plain.Plain" if kafka.sasl_mechanism == "PLAIN" else "scram.Scram"
        options["kafka.sasl.mechanism"] = kafka.sasl_mechanism
        options["kafka.sasl.jaas.config"] = (
            f"org.apache.kafka.common.security.{module}LoginModule required "
            f"username={_quoted(kafka.sasl_username)} password={_quoted(_password(kafka))};"
        )
    return options


def _password(kafka: Kafka) -> str:
    return kafka.sasl_password.get_secret_value() if kafka.sasl_password else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
