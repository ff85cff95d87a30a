"""What a message says of an experiment, as pieces for the writer: a `LoggedExperiment`'s bytes."""

from dataclasses import dataclass
from itertools import product

import msgspec
import numpy as np
import numpy.typing as npt

from scenarios.contract.experiment import CHALLENGER, CHAMPION, MARK, propensity_of
from scenarios.contract.judge import Beside, Judges

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class ExperimentPart:
    """The end of n messages: a text, at most one float, a text, at most one float, a text.

    heads, middles, tails  texts to select from by `kinds` int64 (n,)
    counts                 int64 (2, n), how many floats follow head and middle
    numbers                float64 (n, 2), those floats, NaN where there is none
    """

    heads: list[bytes]
    middles: list[bytes]
    tails: list[bytes]
    kinds: Ints
    counts: Ints
    numbers: Floats


def experiment_part(
    beside: Beside, challenged: npt.NDArray[np.bool_], judges: Judges
) -> ExperimentPart:
    """The ends of n messages, from behind the last field of the thresholds on.

    challenged (n,): judged by the challenger. An event of which no second score was asked is in no
    arm when there is no challenger, and its message ends as without an experiment.
    """
    texts = [_texts(judges, *kind) for kind in product((False, True), repeat=4)]
    has_other, has_shadow = beside.is_paired, beside.is_shadowed
    flags = (beside.in_challenger, challenged, has_other, has_shadow)
    kinds = np.zeros(len(challenged), dtype=np.int64)
    for flag in flags:
        kinds = kinds * 2 + flag
    first = np.where(has_other, beside.other_scores, beside.shadow_scores)
    second = np.where(has_other, beside.shadow_scores, np.nan)
    return ExperimentPart(
        heads=[head for head, _, _ in texts],
        middles=[middle for _, middle, _ in texts],
        tails=[tail for _, _, tail in texts],
        kinds=kinds,
        counts=np.array([has_other | has_shadow, has_other & has_shadow], dtype=np.int64),
        numbers=np.column_stack([first, second]),
    )


def _texts(
    judges: Judges, in_challenger: bool, challenged: bool, has_other: bool, has_shadow: bool
) -> tuple[bytes, bytes, bytes]:
    if judges.challenger is None and not has_shadow:
        return b"}", b"", b""
    share = judges.challenger_share
    propensity = propensity_of(in_challenger=in_challenger, share=share)
    arm = CHALLENGER if in_challenger else CHAMPION
    head = b'%b%b,"arm":%b,"propensity":%b' % (
        MARK.encode(),
        _encode(judges.experiment),
        _encode(arm),
        _encode(propensity),
    )
    other = b""
    if judges.challenger is not None:
        undecided = judges.champion if challenged else judges.challenger
        other = b',"other":{"version":%b,"score":' % _encode(undecided.version)
    shadow = b""
    if judges.shadow is not None:
        shadow = b',"shadow":{"version":%b,"share":%b,"score":' % (
            _encode(judges.shadow.version),
            _encode(judges.shadow_share),
        )
    if has_other and has_shadow:
        return head + other, b"}" + shadow, b"}}}"
    if has_other:
        return head + other, b"}}}", b""
    if has_shadow:
        return head + shadow, b"}}}", b""
    return head + b"}}", b"", b""
