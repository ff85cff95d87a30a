"""Settings that depend on each other: which values another value makes necessary."""

from collections.abc import Mapping

from conf.errors import Problem
from conf.schema import SettingPath
from conf.sources import Entry

_NEEDED_WITHOUT_PLATFORM = (
    (("kafka", "bootstrap_servers"), "host:port[,host:port] of Kafka"),
    (("hbase", "thrift_host"), "the host of HBase's Thrift gateway"),
    (("hbase", "thrift_port"), "the port of HBase's Thrift gateway"),
)
_NEEDED_FOR_OIDC = (
    ("audience", "what tokens must name as their audience"),
    ("jwks", "the file or https address of the provider's public keys"),
)
_NEEDED_FOR_SASL = ("sasl_mechanism", "sasl_username", "sasl_password")


def unmet(entries: Mapping[SettingPath, Entry]) -> list[Problem]:
    """One problem per value that another value makes necessary."""
    problems = []
    if not _value(entries, ("platform", "run_dir")):
        for path, meaning in _NEEDED_WITHOUT_PLATFORM:
            if not _value(entries, path):
                problems.append(_missing(path, f"expected {meaning}: platform.run_dir is not set"))
    protocol = str(_value(entries, ("kafka", "security_protocol")) or "")
    if protocol.startswith("SASL_"):
        for name in _NEEDED_FOR_SASL:
            if not _value(entries, ("kafka", name)):
                where = " in EVERSCORE__KAFKA__SASL_PASSWORD" if name == "sasl_password" else ""
                reason = f"is needed{where}: kafka.security_protocol is {protocol}"
                problems.append(_missing(("kafka", name), reason))
    if _value(entries, ("serving", "oidc", "issuer")):
        for name, meaning in _NEEDED_FOR_OIDC:
            if not _value(entries, ("serving", "oidc", name)):
                expected = f"expected {meaning}: serving.oidc.issuer is set"
                problems.append(_missing(("serving", "oidc", name), expected))
    return problems


def _value(entries: Mapping[SettingPath, Entry], path: SettingPath) -> object:
    entry = entries.get(path)
    return entry.value if entry is not None else None


def _missing(path: SettingPath, expected: str) -> Problem:
    return Problem(path=".".join(path), given="", source="", expected=expected)
