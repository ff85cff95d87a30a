"""How a plan is measured, in the words of the report."""

from bench.suite.load.keys import CUSTOMERS, ZIPF_EXPONENT
from bench.suite.plan import Plan
from bench.suite.systems.catalogue import BARE, FLOOR


def method_of(plan: Plan) -> list[str]:
    """A list of sentences in Markdown."""
    return [
        f"- This run: {plan.text()}.",
        "- All systems run one after the other on one Kafka and one HBase, which share the machine "
        "with them; the order rotates from round to round. Each system has an HBase namespace, "
        "output topics and state of its own, made alike and dropped afterwards.",
        "- All write rows of the same fourteen fields and publish them; Everscore's messages hold "
        "all features too, and it stores its state in HBase as well.",
        f"- Keys: {CUSTOMERS:,} customers, uniform or Zipf with exponent {ZIPF_EXPONENT}.",
        "- Throughput: the load is on the topic before a system starts. An observer reads a few "
        "rows of HBase twenty times a second and notes when each fortieth of each partition has "
        f"its rows, to the topic's end: ours and the expert's loops for "
        f"{plan.long_throughput_seconds:.0f} s at most, the others for "
        f"{plan.throughput_seconds:.0f} s. Events per second are those of about the second half "
        "of what was done, over the time that they took, from the longest pause on that a system "
        "made around the middle: the first half warms everyone up, and rows that a large batch "
        "writes at once are counted with the time that the batch took.",
        "- CPU is that of the system's whole process tree (ours with the JVM and the Python "
        "workers) in the same span, per million events; memory is the tree's peak, shared pages "
        "counted once (PSS) or in every process (RSS).",
        "- Stale rows: customers whose row did not show their last event in the end; counted for "
        "runs that got there.",
        "- HBase alone: after each round, two clients put, get, or get and put the rows that our "
        "stream has left, in batches of the stream's size. Rows written by us: distinct customers "
        "per batch, batches by their markers.",
        "- The fastest peer of a round is whichever was the fastest in that round; so is the "
        "expert's loop, if several are measured (--systems expert-each: batches of 4,000).",
        f"- The floor, {BARE}: {FLOOR.meaning}. No work on our pass can bring the stream below it.",
        f"- Latency: from the time that an event was made to the moment that its row could be "
        f"read, for about 100 events a second, during {plan.latency_seconds:.0f} s after "
        f"{plan.warm_up_seconds:.0f} s of the same load, with a JVM "
        f"{plan.jvm_warm_up_seconds:.0f} s; uniform keys.",
        f"- Recovery: under {plan.blow.events_per_second:,.0f} events/s the system's process group "
        f"is killed (SIGKILL) {plan.blow.kill_after_seconds:.0f} s after its first readable row "
        "and started again at once; the seconds count from the kill to the first readable row of "
        "an event published after it. Exact: every customer's row shows the last event, and with "
        "history every state, score and feature is what a second, undisturbed run over the same "
        "topic gives.",
        *(
            f"- Surge, {surge.name}: {surge.usual_per_second:,.0f} events/s on uniform keys, and "
            f"{surge.extra_per_second:,.0f} more ({surge.extra_keys} keys) for "
            f"{surge.seconds:.0f} s after {surge.lead_seconds:.0f} s, of which the last "
            f"{surge.calm_seconds:.0f} count as "
            "before. As before: every later second's median is below 1.5 times the p99 of before."
            for surge in plan.surges
            if any("surges" in plan.parts_of(workload) for workload in plan.workloads)
        ),
    ]
