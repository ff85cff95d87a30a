"""Predictions as JSON, a whole batch at once: the topic's messages, and the rows inside them.

Byte for byte as `msgspec` encodes a `Prediction` (tests/unit/streaming/messages/test_writer.py),
at a tenth of the cost: no Python object is created per event.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import msgspec
import numpy as np
import numpy.typing as npt

from models.scoring_model import ScoringModel
from scenarios.contract.judge import Verdicts, valid_ms
from scenarios.contract.scenario import Scenario
from stores.hbase.predictions import Model, Reason
from streaming.messages.documents import Positions
from streaming.messages.experiment_part import experiment_part
from streaming.messages.float_text import float_texts
from streaming.messages.messages import Messages
from streaming.messages.text_kernel import FLOAT, TEXT, TIME, WHOLE, write_documents
from streaming.scoring.models_in_use import InUse

Ints = npt.NDArray[np.int64]

_encode = msgspec.json.Encoder().encode
_MOST_BYTES = {WHOLE: 20, TIME: 27}
_ROWS_IN_CACHE = 2_000  # of 22 pieces of 8 bytes
_FLOAT_BYTES = 26  # 17 digits, sign, point, exponent and comma


Piece = tuple[int, Ints | int]


class MessageWriter:
    """Writes the predictions of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        policy = scenario.policy
        self._scenario = scenario
        self._bands = [b',"band":%b,"reasons":' % _encode(band.name) for band in policy.bands]
        decisions = product(policy.actions, (False, True), (False, True))
        self._decisions = [
            b',"action":%b,"review":%b,"control_group":%b,"scored_at":"'
            % tuple(map(_encode, decision))
            for decision in decisions
        ]
        self._valid_ms = valid_ms(scenario)

    def messages(
        self,
        ids: Sequence[str],
        entity_rows: Ints,
        verdicts: Verdicts,
        features: npt.NDArray[np.float64],
        positions: Positions,
        use: InUse,
        basis: bytes,
        attachments: Sequence[Mapping[str, str]] = (),
    ) -> Messages:
        """One message per event, in order.

        ids: distinct entities; entity_rows (n,): each event's row in `ids`; features (n, k);
        basis: see `streaming.messages.documents.log_basis`; attachments: field → reference of each
        event, where the scenario has any.
        """
        texts = _Texts()
        models = [use.champion] if use.challenger is None else [use.champion, use.challenger]
        challenged = verdicts.challenged.astype(np.int64)
        decisions = verdicts.decisions
        decided = decisions.actions * 4 + decisions.review * 2 + verdicts.control
        offsets, count = positions.offsets, len(entity_rows)
        where = f"{self._scenario.name}-{positions.epoch}-{positions.partition}-"
        pieces: list[Piece] = [
            (TEXT, texts.one(b'{"prediction_id":%b' % _encode(where)[:-1])),
            (WHOLE, offsets),
            (TEXT, texts.many(_after_id(model.version) for model in models)[challenged]),
            (TEXT, texts.many(map(_encode, ids))[entity_rows]),
            (TEXT, texts.one(b',"score":')),
            (FLOAT, 1),
            (TEXT, texts.many(self._bands)[decisions.bands]),
            (TEXT, texts.reasons(verdicts.reasons, count)),
            (TEXT, texts.many(self._decisions)[decided]),
            (TIME, positions.arrived_ms),
            (TEXT, texts.one(b'","event_time":"')),
            (TIME, positions.event_ms),
            (TEXT, texts.one(b'","features_as_of":"')),
            (TIME, positions.as_of_ms),
            (TEXT, texts.one(b'","valid_until":"')),
            (TIME, positions.arrived_ms + self._valid_ms),
            (TEXT, texts.many(_after_times(model, positions) for model in models)[challenged]),
            (WHOLE, offsets),
            (TEXT, self._ends(texts, verdicts, attachments)),
        ]
        row_pieces = len(pieces)
        pieces += [
            (TEXT, texts.one(b',"features":[')),
            (FLOAT, features.shape[1]),
        ]
        numbers = np.column_stack([verdicts.scores, features])
        if verdicts.beside is None:
            pieces.append((TEXT, texts.one(b"]," + basis[1:])))
        else:
            part = experiment_part(verdicts.beside, verdicts.challenged, use.judges)
            pieces += [
                (TEXT, texts.one(b"]," + basis[1:-1])),
                (TEXT, texts.many(part.heads)[part.kinds]),
                (FLOAT, part.counts[0]),
                (TEXT, texts.many(part.middles)[part.kinds]),
                (FLOAT, part.counts[1]),
                (TEXT, texts.many(part.tails)[part.kinds]),
            ]
            # Floats that no message has are NaN: the kernel would miscount other ones.
            numbers = np.column_stack([numbers, part.numbers])
        return _written(pieces, texts, numbers, row_pieces)

    def _ends(
        self, texts: "_Texts", verdicts: Verdicts, attachments: Sequence[Mapping[str, str]]
    ) -> Ints | int:
        """The end of the position, and members that most scenarios do not have."""
        stage = self._scenario.policy.second_stage
        if not attachments and (stage is None or verdicts.second is None):
            return texts.one(b"}")
        ends = []
        for row in range(len(verdicts.rows)):
            end = b"}"
            finding = verdicts.second.finding(row, stage) if stage and verdicts.second else None
            if finding is not None:
                end += b',"second_stage":' + _encode(finding)
            if attachments and attachments[row]:
                end += b',"attachments":' + _encode(attachments[row])
            ends.append(end)
        return texts.many(ends)


def _after_id(version: str) -> bytes:
    return _encode(f"-v{version}")[1:] + b',"entity":'


def _after_times(scored: ScoringModel, positions: Positions) -> bytes:
    model = _encode(Model(scored.name, scored.version))
    topic = _encode(positions.topic)
    return b'","model":%b,"source":{"topic":%b,"partition":%d,"offset":' % (
        model,
        topic,
        positions.partition,
    )


@dataclass
class _Texts:
    """The texts that documents consist of; each has a number."""

    all: list[bytes] = field(default_factory=list)

    def one(self, text: bytes) -> int:
        """The number of `text`."""
        self.all.append(text)
        return len(self.all) - 1

    def many(self, texts: Iterable[bytes]) -> Ints:
        """The numbers of `texts`."""
        first = len(self.all)
        self.all.extend(texts)
        return np.arange(first, len(self.all))

    def reasons(self, reasons_by_row: Mapping[int, list[Reason]], count: int) -> Ints:
        """For each of `count` rows the number of its reasons' text."""
        numbers = np.full(count, self.one(b"[]"))
        if reasons_by_row:
            numbers[list(reasons_by_row)] = self.many(map(_encode, reasons_by_row.values()))
        return numbers


def _bytes_of(texts: Ints | int, lengths: Ints, count: int) -> int:
    """How long a piece with the text numbers `texts` is in `count` documents together."""
    return int(lengths[texts]) * count if isinstance(texts, int) else int(lengths[texts].sum())


def _table(pieces: Sequence[Piece], count: int) -> npt.NDArray[np.int64]:
    """The content of each piece of `count` documents, int64 (count, pieces)."""
    table = np.empty((count, len(pieces)), dtype=np.int64)
    # In blocks of rows: as many as the processor's cache holds for all columns.
    for begin in range(0, count, _ROWS_IN_CACHE):
        rows = slice(begin, begin + _ROWS_IN_CACHE)
        for column, (_, content) in enumerate(pieces):
            table[rows, column] = content if isinstance(content, int) else content[rows]
    return table


def _written(
    pieces: Sequence[Piece], texts: _Texts, numbers: npt.NDArray[np.float64], row_pieces: int
) -> Messages:
    count = len(numbers)
    table = _table(pieces, count)
    bounds = np.cumsum([0, *map(len, texts.all)])
    kinds = np.array([kind for kind, _ in pieces])
    lengths = np.diff(bounds)
    text_bytes = sum(_bytes_of(piece, lengths, count) for kind, piece in pieces if kind == TEXT)
    decimals, hard, hard_bounds = float_texts(numbers)
    others = sum(_MOST_BYTES.get(kind, 0) for kind, _ in pieces) + numbers.shape[1] * _FLOAT_BYTES
    content = np.empty(text_bytes + count * others, dtype=np.uint8)
    row_ends, ends = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    write_documents(
        kinds,
        table,
        np.frombuffer(b"".join(texts.all), dtype=np.uint8),
        bounds,
        numbers,
        decimals,
        hard,
        hard_bounds,
        row_pieces,
        content,
        row_ends,
        ends,
    )
    return Messages(content, ends, row_ends)
