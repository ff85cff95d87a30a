"""Takes the records that a device has signed: each is checked, recomputed by the judge, published.

A refused record does not hold up the others. A record that came before is taken as done, so a
device may send until it has an answer. A record is in Kafka before it is marked as published, and
claimed before that: a fault between leaves a record that the device sends again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Literal, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from models.errors import ModelNeedsFeatures, ModelUnusable
from models.scoring_model import ScoringModel
from scenarios.contract.judge import Judge, Judges
from scenarios.contract.records.device_records import (
    Clock,
    DeviceRecordDocument,
    DeviceVerdict,
    ModelName,
    Signed,
)
from scenarios.contract.scenario import Scenario
from serving.device.package import TOLERANCE, verdict_of
from serving.device.payload import PayloadUnreadable, SignedPayload, read_payload
from serving.device.signatures import is_signed
from serving.problems import without_paths
from stores.records.deployments import ModelPointer
from stores.records.device_keys import Claim, DeviceKey

# Clocks of devices that are set by the network differ by less.
_CLOCK_DIFFERENCE = timedelta(minutes=5)

Reason = Literal[
    "malformed",  # no record of a device
    "unknown_key",  # nobody was given this key
    "revoked_key",
    "signature",  # the text is not what was signed
    "replayed",  # another record of this key has the number
    "another_package",  # the key was issued for another package
    "version",  # the version of the package cannot be loaded now
    "definitions",  # the features mean something else today than at the training
    "features",  # they are not the scenario's, or not exact in float32
    "unscorable",  # the judge gives no verdict
    "parity",  # the judge gives another score
    "decision",  # the judge decides otherwise on the same score
]
# "not now": the service cannot judge it at present, so the device sends it again.
Outcome = Literal["accepted", "already accepted", "refused", "not now"]


class Disposition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one record; `record_id` is empty where none can be read."""

    record_id: str
    outcome: Outcome
    reason: Reason | None = None
    sentence: str = ""


class Keys(Protocol):
    """The part of `stores.records.device_keys.DeviceKeyTable` that taking records needs."""

    def read(self, key_id: str) -> DeviceKey | None:
        """The key."""
        ...

    def claims(self, key_id: str, digests: Mapping[int, str]) -> Mapping[int, Claim]:
        """What is stored of these records."""
        ...

    def claim(self, key_id: str, number: int, digest: str) -> Claim:
        """Take a record."""
        ...

    def mark_published(self, key_id: str, digests: Mapping[int, str]) -> None:
        """They are in Kafka."""
        ...


@dataclass(frozen=True)
class SyncCounts:
    """Records by what became of them, since the service started; for threads."""

    _counts: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def add(self, dispositions: Sequence[Disposition]) -> None:
        """Count them."""
        with self._lock:
            self._counts.update(one.reason or one.outcome for one in dispositions)

    def all(self) -> Mapping[str, int]:
        """accepted, already accepted, or the reason of a refusal → records."""
        with self._lock:
            return dict(self._counts)


@dataclass(eq=False)
class _Refused(Exception):
    reason: Reason
    sentence: str


@dataclass(frozen=True, kw_only=True)
class RecordSync:
    """Takes records of devices for one scenario.

    recall   loads the version that a package was made of
    publish  key and value of records; returns when Kafka has them, raises `KafkaDown`
    counts   of all records so far
    """

    scenario: Scenario
    recall: Callable[[ModelPointer], ScoringModel]
    publish: Callable[[Sequence[tuple[bytes, bytes]]], None]
    counts: SyncCounts = field(default_factory=SyncCounts)

    def take(
        self, records: Sequence[tuple[str, str]], keys: Keys, *, caller: str, now: datetime
    ) -> list[Disposition]:
        """What became of `records` (signed text, signature), in their order.

        Raises `KafkaDown` or `StoreDown`: nothing is lost then, send them again.
        """
        dispositions: dict[int, Disposition] = {}
        readable: dict[int, SignedPayload] = {}
        for at, (text, signature) in enumerate(records):
            try:
                readable[at] = read_payload(text, signature, scenario=self.scenario.name)
            except PayloadUnreadable as error:
                dispositions[at] = _refusal("", _Refused("malformed", str(error)))
        by_key: dict[str, dict[int, SignedPayload]] = {}
        for at, signed in readable.items():
            by_key.setdefault(signed.payload.key_id, {})[at] = signed
        for key_id, of_key in by_key.items():
            dispositions |= self._of_key(key_id, of_key, keys, caller=caller, now=now)
        in_order = [dispositions[at] for at in range(len(records))]
        self.counts.add(in_order)
        return in_order

    def _of_key(
        self,
        key_id: str,
        records: Mapping[int, SignedPayload],
        keys: Keys,
        *,
        caller: str,
        now: datetime,
    ) -> dict[int, Disposition]:
        dispositions: dict[int, Disposition] = {}
        key = keys.read(key_id)
        checked: dict[int, SignedPayload] = {}
        for at, signed in records.items():
            try:
                _check_key(key, key_id)
                _check_signature(key, signed)
                checked[at] = signed
            except _Refused as refused:
                dispositions[at] = _refusal(signed.payload.record_id, refused)
        if key is None or not checked:
            return dispositions
        stored = keys.claims(
            key_id, {signed.payload.number: signed.digest for signed in checked.values()}
        )
        open_records = {}
        for at, signed in checked.items():
            claim = stored[signed.payload.number]
            if claim in ("published", "another"):
                dispositions[at] = _claimed(signed, claim)
            else:
                open_records[at] = signed
        verdicts = self._recomputed(key, open_records)
        to_publish: dict[int, SignedPayload] = {}
        messages: list[tuple[bytes, bytes]] = []
        for at, signed in open_records.items():
            verdict = verdicts[at]
            if isinstance(verdict, _Refused):
                dispositions[at] = _refusal(signed.payload.record_id, verdict)
                continue
            number = signed.payload.number
            claim = keys.claim(key_id, number, signed.digest)
            if claim in ("new", "unpublished") and number not in to_publish:
                to_publish[number] = signed
                messages.append(self._message(key, signed, verdict, caller=caller, now=now))
                dispositions[at] = Disposition(
                    record_id=signed.payload.record_id, outcome="accepted"
                )
            else:
                dispositions[at] = _claimed(signed, claim)
        if messages:
            self.publish(messages)
            keys.mark_published(
                key_id, {number: signed.digest for number, signed in to_publish.items()}
            )
        return dispositions

    def _recomputed(
        self, key: DeviceKey, records: Mapping[int, SignedPayload]
    ) -> dict[int, DeviceVerdict | _Refused]:
        """The judge's verdict on each, or why there is none or another one."""
        results: dict[int, DeviceVerdict | _Refused] = {}
        rows: dict[int, npt.NDArray[np.float64]] = {}
        for at, signed in records.items():
            try:
                rows[at] = _feature_row(signed.payload.features, self.scenario.feature_names)
            except _Refused as refused:
                results[at] = refused
        if not rows:
            return results
        try:
            champion = self.recall(key.champion)
        except ModelNeedsFeatures as error:
            return results | {at: _Refused("definitions", str(error)) for at in rows}
        except ModelUnusable as error:
            sentence = without_paths(str(error))
            return results | {at: _Refused("version", sentence) for at in rows}
        places, features = list(rows), np.vstack(list(rows.values()))
        judge = Judge(self.scenario)
        can_score = judge.can_score(features)
        entities = [records[at].payload.entity for at in places]
        judges = Judges(champion=champion, thresholds=key.thresholds)
        verdicts = judge.verdicts(entities, features, judges, explains=False)
        for case in verdicts.unscorable:
            results[places[case.row]] = _Refused("unscorable", case.cause)
        for position, row in enumerate(verdicts.rows.tolist()):
            at = places[row]
            verdict = DeviceVerdict(**verdict_of(self.scenario, verdicts, position))
            results[at] = verdict
            if not can_score[row]:
                missing = f"feature {self.scenario.required_feature!r} is missing"
                results[at] = _Refused("unscorable", f"{missing}; no case is scored without it")
            elif difference := self._difference(key, records[at].payload.verdict, verdict):
                results[at] = difference
        return results

    def _difference(
        self, key: DeviceKey, on_device: DeviceVerdict, verdict: DeviceVerdict
    ) -> _Refused | None:
        beyond = abs(on_device.score - verdict.score)
        if not beyond <= TOLERANCE:
            sentence = (
                f"the device's score is {on_device.score!r}, the judge's {verdict.score!r}: they "
                f"differ by {beyond:.2g}, allowed is {TOLERANCE:g}"
            )
            return _Refused("parity", sentence)
        # Another policy may decide otherwise; and at a threshold the last bits choose the band.
        is_todays = key.policy_version == self.scenario.policy.version
        at_threshold = min(abs(verdict.score - limit) for limit in key.thresholds.values())
        if not is_todays or at_threshold <= TOLERANCE:
            return None
        decisions = [msgspec.structs.replace(one, score=0.0) for one in (on_device, verdict)]
        if decisions[0] == decisions[1]:
            return None
        shown, expected = (_decision_words(decision) for decision in decisions)
        return _Refused("decision", f"the device decided {shown}, the judge {expected}")

    def _message(
        self,
        key: DeviceKey,
        signed: SignedPayload,
        verdict: DeviceVerdict,
        *,
        caller: str,
        now: datetime,
    ) -> tuple[bytes, bytes]:
        payload = signed.payload
        document = DeviceRecordDocument(
            entity=payload.entity,
            event_time=_iso(payload.device_time),
            record_id=payload.record_id,
            key_id=key.id,
            number=payload.number,
            package_id=key.package_id,
            model=ModelName(name=key.champion.name, version=key.champion.version),
            policy_version=self.scenario.policy.version,
            clock=_clock(payload.device_time, key, now),
            arrived_at=_iso(now),
            scored_by=key.caller,
            synced_by=caller,
            verdict=verdict,
            on_device=payload.verdict,
            features=payload.features,
            signed=Signed(
                payload=signed.text, signature=signed.signature, public_key=key.public_key
            ),
        )
        return payload.entity.encode(), msgspec.json.encode(document)


def _check_key(key: DeviceKey | None, key_id: str) -> None:
    if key is None:
        raise _Refused("unknown_key", f"key {key_id!r} was not issued for this scenario")
    if key.revoked_at_ms:
        raise _Refused("revoked_key", f"key {key_id!r} was revoked by {key.revoked_by}")


def _check_signature(key: DeviceKey | None, signed: SignedPayload) -> None:
    if key is None or not is_signed(signed.text.encode(), signed.signature, key.public_key):
        raise _Refused("signature", "the signature is not that of this text by this key")
    if signed.payload.package_id != key.package_id:
        raise _Refused(
            "another_package",
            f"the key was issued for package {key.package_id}, not {signed.payload.package_id!r}",
        )


def _feature_row(
    features: Mapping[str, float | None], names: Sequence[str]
) -> npt.NDArray[np.float64]:
    """The values in the order of `names`, NaN where missing; raises `_Refused`."""
    if set(features) != set(names):
        odd = sorted(set(features) ^ set(names))[:5]
        raise _Refused("features", f"expected exactly the {len(names)} of the scenario, not {odd}")
    values = [features[name] for name in names]
    row = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    with np.errstate(over="ignore"):
        is_exact = (row == row.astype(np.float32)) & np.isfinite(row)
    inexact = [name for name, good in zip(names, is_exact | np.isnan(row), strict=True) if not good]
    if inexact:
        raise _Refused("features", f"{inexact[:5]} are not exact in float32, as devices score")
    return row


def _claimed(signed: SignedPayload, claim: Claim) -> Disposition:
    if claim == "another":
        number = signed.payload.number
        return _refusal(
            signed.payload.record_id,
            _Refused("replayed", f"another record of this key has the number {number}"),
        )
    return Disposition(record_id=signed.payload.record_id, outcome="already accepted")


def _refusal(record_id: str, refused: _Refused) -> Disposition:
    return Disposition(
        record_id=record_id,
        outcome="not now" if refused.reason == "version" else "refused",
        reason=refused.reason,
        sentence=refused.sentence,
    )


def _decision_words(verdict: DeviceVerdict) -> str:
    review = ", for review" if verdict.review else ""
    control = ", control group" if verdict.control_group else ""
    return f"{verdict.band}: {verdict.action}{review}{control}"


def _clock(device_time: datetime, key: DeviceKey, now: datetime) -> Clock:
    issued_at = datetime.fromtimestamp(key.issued_at_ms / 1000, UTC)
    if device_time < issued_at - _CLOCK_DIFFERENCE:
        return "before the key was issued"
    return "after the record arrived" if device_time > now + _CLOCK_DIFFERENCE else "plausible"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
