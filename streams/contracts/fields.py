"""The descriptions of the fields in the schemas: one line for each field of each class that is on the wire.

A test fails for a field without one.
"""

from __future__ import annotations

from collections.abc import Mapping

from actions.model import ApprovalTerms, Fleet, Intent, Outcome, RemedyTerms
from classifiers.directives import Acknowledge, Deployment, Expire, Feedback, Matcher, Silence
from classifiers.expectations import Expectation
from classifiers.model import (
    Acknowledgement,
    ActionRecord,
    Anomaly,
    AuditEntry,
    Factor,
    Forecast,
    Incident,
    OffsetRange,
    Related,
    RemedyRecord,
    Scope,
    StageTime,
)
from streams.contracts.record import NativeRecord

SERVICE = "The service, as its records name it."
VERSION_ALONE = "Its version, null unless that one alone is hit."
REPLICA_ALONE = "Its replica, null unless that one alone is hit."
TENANT_ALONE = "Its tenant, null unless that one alone is hit."
MODE = "observe: only noted; suggest: a human is to decide; auto: carried out within the limits."
KIND = "What is done: the action's name in the configuration, such as circuit_breaker or rollback."
UNDO = "True for the reversal of an earlier decision of this kind on this target."
DECIDED = "When it was decided, seconds since the epoch."
SCOPE_OF_ACTION = "Taken from the incident; null where it names none."

FIELDS: Mapping[type, Mapping[str, str]] = {
    Incident: {
        "id": "Derived from service, model and time of the first alarm: the same records give the same id.",
        "state": "open, flapping (it opens and resolves again and again), or resolved.",
        "opened_at_s": "When it was declared, seconds since the epoch in the time of the records.",
        "onset_at_s": "When it is estimated to have begun, never after it was opened.",
        "resolved_at_s": "When it ended; null while it has not.",
        "category": "The kind of problem.",
        "severity": "How bad it is now: P0 (an outage) to P4 (for planning).",
        "peak_severity": "The highest that it has been.",
        "service": SERVICE,
        "model": "The model, null where the records name none.",
        "version": VERSION_ALONE,
        "replica": REPLICA_ALONE,
        "tenant": TENANT_ALONE,
        "title": "One line for a human: where, and what.",
        "factors": "Why it has this category, scope and severity.",
        "evidence": "The windows that alarmed, and quiet ones beside them.",
        "related": "Related incidents.",
        "actions": "The decisions made because of it, in order, with their results.",
        "stage_times": "How long each stage took, by name of the stage, from the estimated onset.",
        "config_hash": "Hash of the configuration that it was judged with, without playbooks, limits and actions.",
        "onset_error_s": "The onset is within so many seconds, nine times in ten; null where nothing says so.",
        "acknowledged": "Who works on it, null when nobody acknowledged it.",
        "silenced_by": "The silence or maintenance window that suppresses notifications and actions, null for none.",
        "expected_resolve": "When it is expected to end, in seconds from the onset; null where unknown.",
        "opened_severity": "The severity at opening; null in incidents of older releases.",
        "remedies": "What became of each remedy that ran, as the detectors judge it.",
        "resolution": "Why it is resolved: `lost` when the state that knew it was lost, `expected` when a human called "
                      "it a planned change; null when it ended by itself.",
    },
    Scope: {
        "service": SERVICE,
        "model": "The model, null for the service as a whole.",
        "version": "The version, if the series is of one version alone.",
        "replica": "The replica, if the series is of one replica alone.",
        "tenant": "The tenant, if the series is of one tenant alone.",
    },
    OffsetRange: {
        "topic": "The topic.",
        "partition": "The partition; null where the records did not come from a broker.",
        "start": "Offset of the first record.",
        "end": "Offset after the last record.",
    },
    Anomaly: {
        "scope": "Where it was measured.",
        "metric": "What was measured; the unit is in the name.",
        "detector": "The detector that scored it.",
        "start_s": "Begin of the window, seconds since the epoch.",
        "end_s": "End of the window.",
        "value": "The observed value, null when unknown.",
        "expected": "The expected value, null when unknown.",
        "level": "The anomaly level: 1.0 is the operator's false-alarm budget; null while the detectors warm up.",
        "direction": "Whether the value is above or below what is expected, or neither.",
        "count": "Samples in the window.",
        "onset_s": "When the change is estimated to have begun.",
        "onset_error_s": "The onset is within so many seconds, nine times in ten; null where nothing says so.",
        "records": "Where the records of the window are; empty when unknown.",
        "trials": "What the value is a share of; null where it is not judged as a share of a known number.",
    },
    Factor: {
        "name": "The name of the factor.",
        "value": "The observed value, null when unknown.",
        "weight": "Its weight in the verdict.",
        "text": "The same in a sentence for a human.",
    },
    ActionRecord: {
        "key": "The decision, as on the topics of actions and outcomes.",
        "kind": KIND,
        "target": "What it acts on.",
        "mode": MODE,
        "status": "pending until there is an outcome, then the outcome's status.",
        "decided_at_s": DECIDED,
        "done_at_s": "When there was an outcome, null until then.",
        "step_id": "The step of the playbook, or the event that is notified; null in incidents of older releases.",
        "attempt": "The number of this attempt at the step, from 1.",
        "undo": UNDO,
        "playbook": "The name of the playbook.",
        "undo_when": "When its effect is taken back; null where nothing stays in force.",
    },
    RemedyRecord: {
        "key": "The decision that it came from.",
        "step_id": "The step of the playbook.",
        "kind": KIND,
        "target": "What it acts on.",
        "state": "applied: it ran; verifying: its effect is judged; recovered; not_recovered; inconclusive: too few "
                 "requests; undone or kept after it did not help.",
        "since_s": "Since when, seconds since the epoch in the time of the records.",
        "detail": "Why, for a human.",
        "samples": "Requests of the scope without an alarm that it was judged by.",
    },
    Related: {
        "id": "The other incident.",
        "relation": "The role of the other: reopened by this one, the one before it in its habit, its cause or effect.",
    },
    StageTime: {
        "value_s": "Seconds since the onset; null unless recorded.",
        "status": "recorded; pending: may still come; not_applicable: will not come; invalid: the times contradict.",
    },
    Acknowledgement: {
        "by": "Who.",
        "at_s": "Since when, seconds since the epoch.",
        "until_s": "Until when; from then on it counts as not acknowledged.",
    },
    Intent: {
        "key": "The decision. Each key runs at most once, however often the message is repeated.",
        "incident_id": "The incident it was decided for.",
        "kind": KIND,
        "target": "What it acts on; also the record's key.",
        "mode": MODE,
        "reason": "Why, in a sentence for a human.",
        "decided_at_s": DECIDED,
        "expires_at_s": "From then on it is refused.",
        "service": SERVICE,
        "model": SCOPE_OF_ACTION,
        "version": SCOPE_OF_ACTION,
        "replica": SCOPE_OF_ACTION,
        "tenant": SCOPE_OF_ACTION,
        "undo": UNDO,
        "params": "Parameters of the action, by its kind.",
        "step_id": "The step of the playbook; null where no playbook has it.",
        "attempt": "The number of this attempt at the step, from 1.",
        "playbook": "The name of the playbook.",
        "digest": "SHA-256 of the terms of the playbook, in hexadecimal: what was approved is what runs.",
        "approval": "Whose consent it needs before it runs; null where nobody is asked.",
        "remedy": "How long its effect stays in force, and how it is judged; null where nothing stays in force.",
        "fleet": "The targets like this one when it was decided; null where that is not known.",
    },
    ApprovalTerms: {
        "roles": "A person must hold one of these roles.",
        "count": "How many different persons must approve.",
        "expires_after_s": "The life of the request, in seconds.",
        "four_eyes": "Whether the person who asked for it cannot approve it.",
        "via": "The paths by which a decision may come; empty for any.",
    },
    RemedyTerms: {
        "hold_s": "After so many seconds without a decision it is undone.",
        "undo": "When it is undone earlier: when the incident is over, when it did not help, or never.",
        "settle_s": "Seconds after which its effect can be judged.",
        "within_s": "Seconds within which it must have helped.",
        "min_samples": "Requests that the judgement needs.",
    },
    Fleet: {
        "size": "Targets of this kind that are known.",
        "healthy": "Targets that are heard of and do not alarm.",
        "alarming": "Targets that alarm.",
        "alarming_for_s": "For how many seconds the service as a whole alarms; null while it does not.",
    },
    Outcome: {
        "key": "The decision that it answers.",
        "incident_id": "The incident it was decided for.",
        "kind": KIND,
        "target": "What it acted on; also the record's key.",
        "mode": MODE,
        "status": "executed, failed and interrupted had, or may have had, an effect; all others changed nothing.",
        "detail": "The result, in a sentence for a human.",
        "decided_at_s": DECIDED,
        "done_at_s": "When it was done, seconds since the epoch.",
        "undo": UNDO,
        "data": "Figures and names that the action reports, by its kind.",
    },
    AuditEntry: {
        "at_s": "When it happened, seconds since the epoch; of an incident in the time of its records.",
        "subject": "Id of the incident, key of the decision, id of the control record, or the replica that left.",
        "event": "What happened to it.",
        "before": "Its state before, null where it had none.",
        "after": "Its state after, null where it has none.",
        "reason": "Why, in a sentence for a human.",
        "actor": "Who asked for it, null when nobody did.",
    },
    Matcher: {
        "name": "A label of incidents.",
        "op": "=, != compare the text; =~, !~ a regular expression that fits all of it.",
        "value": "The text or regular expression; a label that an incident does not have is the empty text.",
    },
    Silence: {
        "id": "Chosen by the author; never used again.",
        "matchers": "An incident that all of them match is silenced.",
        "from_s": "From when on, seconds since the epoch.",
        "until_s": "End, exclusive.",
        "by": "The author.",
        "comment": "Why.",
    },
    Expire: {
        "silence_id": "The silence to end.",
        "by": "Who ends it.",
        "at_s": "From when on, seconds since the epoch.",
    },
    Forecast: {
        "low_s": "The lower bound of the interval.",
        "median_s": "The median.",
        "high_s": "The upper bound of the interval.",
        "confidence": "The probability, 0 to 1, of a time within the interval.",
        "count": "How many similar incidents it is based on.",
    },
    Acknowledge: {
        "incident_id": "The incident.",
        "by": "Who works on it.",
        "at_s": "Since when, seconds since the epoch.",
        "until_s": "Until when; from then on it counts as not acknowledged.",
        "comment": "What is being done.",
    },
    Feedback: {
        "id": "Chosen by the author; feedback of one id is learned once.",
        "incident_id": "The incident.",
        "by": "The author.",
        "at_s": "When, seconds since the epoch.",
        "category": "The category it should have had, null for no opinion.",
        "severity": "The severity it should have had, null for no opinion.",
        "confirmed": "True if it was an incident, false if it was a false alarm.",
        "features": "The features of the incident, by name.",
        "resolve_s": "Seconds from onset to the end, null while unknown.",
        "expected": "True if it was a planned change; then it ends, and `until_s` is given.",
        "until_s": "Until when deviations up to its size are expected, exclusive; null where nothing is expected.",
    },
    Deployment: {
        "service": SERVICE,
        "model": "The model, null where the records name none.",
        "version": "The version that went live.",
        "at_s": "When, seconds since the epoch.",
        "expected": "By how much metrics may depart from what was normal before, at most 32; empty for nothing.",
        "until_s": "Until when that is expected, exclusive, at most 7 days later; null where nothing is expected.",
    },
    Expectation: {
        "metric": "A metric, a glob over metrics such as *_ms, or a metric family such as latency; never of failures.",
        "op": "<= it may rise to the bound, >= it may fall to it.",
        "bound": "The bound: a multiple of what was expected before, or in the metric's unit.",
        "relative": "True for a multiple.",
    },
    NativeRecord: {
        "ts": "When it was measured, seconds since the epoch (not milliseconds).",
        "service": "The service; also the record's key, so that a service's records stay together.",
        "metrics": "Numbers by name, at most 64, the unit in the name: latency_ms, completion_tokens; error is 0 or 1.",
        "model": "The model.",
        "version": "The version of the model that answered.",
        "replica": "The replica that answered.",
        "tenant": "For whom.",
    },
}
