"""All gates of a version, in the order in which a person reads them."""

from lifecycle.gates import contract, quality
from lifecycle.gates.data import data_gate
from lifecycle.gates.evidence import Evidence
from lifecycle.gates.gate import Bounds, Gate
from scenarios.contract.scenario import Scenario


def all_gates(
    evidence: Evidence, scenario: Scenario, bounds: Bounds, *, tolerance: float
) -> tuple[Gate, ...]:
    """Every gate; what cannot be measured because another one failed is left to that one.

    tolerance: the largest difference of scores that the version's format states.
    """
    held_out = evidence.held_out
    source = held_out.source if held_out is not None else "the snapshot"
    results = [
        contract.loads(evidence),
        contract.columns(evidence.card, scenario),
        contract.definitions(evidence.card, scenario),
        data_gate(evidence.data_problems, source=source),
    ]
    if evidence.model is not None:
        results += [
            contract.parity(evidence, tolerance=tolerance),
            contract.any_batch(evidence),
            contract.latency(evidence, bounds),
        ]
    if held_out is not None:
        results.append(quality.both_outcomes(held_out))
        if held_out.has_both_outcomes:
            results += quality.quality(held_out, evidence.card, bounds)
            results += quality.slices(held_out, scenario.feature_names, bounds)
        elif len(held_out.scores):
            results.append(quality.spread(held_out.scores, bounds))
    results.append(
        quality.against_champion(evidence.champion, bounds, problem=evidence.champion_problem)
    )
    results.append(contract.reasons(evidence, scenario, bounds))
    return tuple(results)
