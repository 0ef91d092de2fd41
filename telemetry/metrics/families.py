"""All metrics of the hub: name, meaning, and how the values of several processes are merged.

Names and units follow Prometheus (prometheus.io/docs/practices/naming). Labels hold names that the hub or its operator
defines, never text of a caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class MetricKind(Enum):
    """The kind of a metric."""

    COUNTER = "counter"
    """Only grows; counts of ended processes are included."""
    GAUGE = "gauge"
    """The current state of the living processes."""
    HISTOGRAM = "histogram"
    """The number of values in each bucket; only grows."""


class Aggregation(Enum):
    """How the gauges of several processes are merged."""

    SUM = "sum"
    MIN = "least"
    MAX = "most"


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """One metric."""

    name: str
    kind: MetricKind
    help: str
    """The help text: one or two sentences."""
    labels: tuple[str, ...] = ()
    aggregation: Aggregation = Aggregation.SUM


_COUNTER, _GAUGE, _HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM
_AGENCY: Final = ("agency",)
_SNAPSHOT: Final = ("agency", "snapshot")
_OPERATION: Final = ("client", "operation")
_WORKER: Final = ("worker",)

FAMILIES: Final = (
    MetricFamily(
        "simpul_agency_calls_total",
        _COUNTER,
        "Requests and statements sent to the agency: first ones, retries and hedges.",
        _AGENCY,
    ),
    MetricFamily(
        "simpul_agency_answers_total",
        _COUNTER,
        "Calls that the agency answered, with any result.",
        _AGENCY,
    ),
    MetricFamily(
        "simpul_agency_failures_total",
        _COUNTER,
        "Calls that ended in a failure of the agency after all retries, by its code.",
        ("agency", "code"),
    ),
    MetricFamily(
        "simpul_agency_refused_total",
        _COUNTER,
        "Calls that were not made, by reason: breaker, hours, quota, bulkhead and so on.",
        ("agency", "reason"),
    ),
    MetricFamily(
        "simpul_agency_mismatches_total",
        _COUNTER,
        "Replies with rows that were not requested; they are not used.",
        _AGENCY,
    ),
    MetricFamily(
        "simpul_shadow_answers_total",
        _COUNTER,
        "Keys that an agency of stage shadow was asked for, by outcome: same, different, failed or skipped.",
        ("agency", "read", "outcome"),
    ),
    MetricFamily(
        "simpul_shadow_differences_total",
        _COUNTER,
        "Answers of an agency of stage shadow that differ, by field.",
        ("agency", "read", "field"),
    ),
    MetricFamily("simpul_agency_retries_total", _COUNTER, "Attempts that were made again after a failure.", _AGENCY),
    MetricFamily("simpul_agency_hedges_total", _COUNTER, "Second attempts sent because the first was slow.", _AGENCY),
    MetricFamily("simpul_agency_hedges_won_total", _COUNTER, "Hedges that answered before the first attempt.", _AGENCY),
    MetricFamily(
        "simpul_agency_call_duration_seconds",
        _HISTOGRAM,
        "Seconds from an attempt to its end, answered or failed.",
        _AGENCY,
    ),
    MetricFamily(
        "simpul_agency_batch_keys", _HISTOGRAM, "Keys of each batch that went to the agency's connector.", _AGENCY
    ),
    MetricFamily("simpul_agency_calls_in_flight", _GAUGE, "Calls in flight.", _AGENCY),
    MetricFamily("simpul_agency_calls_waiting", _GAUGE, "Calls that wait for a permit.", _AGENCY),
    MetricFamily(
        "simpul_agency_breaker_state",
        _GAUGE,
        "Processes in which the agency's breaker is in this state; no series without a breaker.",
        ("agency", "state"),
    ),
    MetricFamily("simpul_agency_breaker_opened_total", _COUNTER, "How often the breaker opened.", _AGENCY),
    MetricFamily("simpul_agency_quota", _GAUGE, "Agreed calls per day.", _AGENCY, Aggregation.MIN),
    MetricFamily(
        "simpul_agency_quota_left",
        _GAUGE,
        "Calls left today, by the lowest count of any process.",
        _AGENCY,
        Aggregation.MIN,
    ),
    MetricFamily(
        "simpul_agency_closed", _GAUGE, "1 while the agency is closed by its terms, else 0.", _AGENCY, Aggregation.MAX
    ),
    MetricFamily(
        "simpul_agency_last_answer_timestamp_seconds",
        _GAUGE,
        "When the agency last answered, in seconds since 1970-01-01 UTC.",
        _AGENCY,
        Aggregation.MAX,
    ),
    MetricFamily(
        "simpul_agency_credential_expiry_timestamp_seconds",
        _GAUGE,
        "When the hub's certificate or secret at the agency expires, in seconds since 1970-01-01 UTC, if known.",
        ("agency", "credential"),
        Aggregation.MIN,
    ),
    MetricFamily(
        "simpul_snapshot_data_timestamp_seconds",
        _GAUGE,
        "Date of a snapshot's data, in seconds since 1970-01-01 UTC; 0 without data.",
        _SNAPSHOT,
        Aggregation.MAX,
    ),
    MetricFamily(
        "simpul_snapshot_max_age_seconds",
        _GAUGE,
        "Age from which a snapshot's data is overdue.",
        _SNAPSHOT,
        Aggregation.MAX,
    ),
    MetricFamily("simpul_snapshot_rows", _GAUGE, "Records of a snapshot.", _SNAPSHOT, Aggregation.MAX),
    MetricFamily(
        "simpul_snapshot_rows_left_out",
        _GAUGE,
        "Rows of a snapshot's source that could not be read.",
        _SNAPSHOT,
        Aggregation.MAX,
    ),
    MetricFamily(
        "simpul_snapshot_failing",
        _GAUGE,
        "1 if the last load of a snapshot failed, else 0.",
        _SNAPSHOT,
        Aggregation.MAX,
    ),
    MetricFamily(
        "simpul_commands_open",
        _GAUGE,
        "Commands to an agency that are not done, by state.",
        ("agency", "state"),
        Aggregation.MAX,
    ),
    MetricFamily(
        "simpul_commands_oldest_timestamp_seconds",
        _GAUGE,
        "When the oldest open command was accepted, in seconds since 1970-01-01 UTC; 0 without one.",
        _AGENCY,
        Aggregation.MAX,
    ),
    MetricFamily(
        "simpul_cache_lookups_total",
        _COUNTER,
        "Keys looked up in the answer cache, by tier (request, process, shared) and result (hit, miss).",
        ("agency", "tier", "result"),
    ),
    MetricFamily(
        "simpul_cache_joined_total",
        _COUNTER,
        "Keys that joined a fetch in flight, of this process or another.",
        _AGENCY,
    ),
    MetricFamily(
        "simpul_cache_stale_total",
        _COUNTER,
        "Stale answers that were served, by reason: revalidating (during a refresh) or failing.",
        ("agency", "reason"),
    ),
    MetricFamily(
        "simpul_cache_stale_age_seconds",
        _HISTOGRAM,
        "Age of stale answers that replaced a failure of the agency.",
        _AGENCY,
    ),
    MetricFamily("simpul_cache_bytes", _GAUGE, "Bytes of the answers in the caches of processes."),
    MetricFamily("simpul_cache_entries", _GAUGE, "Answers in the caches of processes."),
    MetricFamily(
        "simpul_redis_up",
        _GAUGE,
        "0 while a process runs without Redis, by use (limits, cache); otherwise 1. No series without a Redis setting.",
        ("use",),
        Aggregation.MIN,
    ),
    MetricFamily(
        "simpul_operations_total",
        _COUNTER,
        "Operations by client, name and outcome. Operations without registration count as unregistered.",
        ("client", "operation", "outcome"),
    ),
    MetricFamily(
        "simpul_operation_duration_seconds", _HISTOGRAM, "Seconds an operation took in the engine.", _OPERATION
    ),
    MetricFamily(
        "simpul_operations_shared_total",
        _COUNTER,
        "Operations that got another's answer, by origin: kept (bytes of an earlier one) or joined (a pending one).",
        ("origin",),
    ),
    MetricFamily("simpul_operation_points_total", _COUNTER, "Estimated cost of operations, in points.", _OPERATION),
    MetricFamily(
        "simpul_http_requests_total",
        _COUNTER,
        "Requests by route and HTTP status; none if the client left before there was a status.",
        ("route", "status"),
    ),
    MetricFamily("simpul_http_request_duration_seconds", _HISTOGRAM, "Seconds until the answer was sent.", ("route",)),
    MetricFamily("simpul_http_requests_in_flight", _GAUGE, "Requests in flight."),
    MetricFamily(
        "simpul_shed_requests_total",
        _COUNTER,
        "Requests refused early by load shedding, by urgency: anonymous, claimed, signed-in, lane.",
        ("urgency",),
    ),
    MetricFamily("simpul_shedding_workers", _GAUGE, "Processes that shed load."),
    MetricFamily(
        "simpul_shed_limit_requests_per_second",
        _GAUGE,
        "Requests per second that processes admit while they shed load; no series otherwise.",
    ),
    MetricFamily("simpul_ledger_commits_total", _COUNTER, "Transactions with entries of the access ledger."),
    MetricFamily("simpul_ledger_failures_total", _COUNTER, "Requests whose entries could not be committed in time."),
    MetricFamily("simpul_ledger_wait_seconds", _HISTOGRAM, "Seconds that an answer waited for its entries' commit."),
    MetricFamily("simpul_ledger_waiting_entries", _GAUGE, "Entries that wait for their commit."),
    MetricFamily(
        "simpul_people_read_total",
        _COUNTER,
        "Different people that readers read, once an hour per reader, by kind of caller.",
        ("kind",),
    ),
    MetricFamily(
        "simpul_reader_budget_refusals_total",
        _COUNTER,
        "Refusals because a reader's budget was exceeded, by kind of caller.",
        ("kind",),
    ),
    MetricFamily("simpul_refusals_total", _COUNTER, "Refused fields and operations, by reason.", ("reason",)),
    MetricFamily(
        "simpul_issuer_keys", _GAUGE, "Processes in which an issuer's keys are in this state.", ("issuer", "state")
    ),
    MetricFamily(
        "simpul_event_loop_lag_seconds", _HISTOGRAM, "Delay of the event loop behind its schedule, in seconds."
    ),
    MetricFamily("simpul_workers", _GAUGE, "Living processes of this hub."),
    MetricFamily(
        "simpul_process_cpu_seconds_total", _COUNTER, "Processor time of all processes, including ended ones."
    ),
    MetricFamily("simpul_process_resident_memory_bytes", _GAUGE, "Resident memory of a process.", _WORKER),
    MetricFamily("simpul_process_open_fds", _GAUGE, "File descriptors a process has open.", _WORKER),
    MetricFamily("simpul_process_max_fds", _GAUGE, "File descriptors a process may have open.", _WORKER),
    MetricFamily("simpul_process_tasks", _GAUGE, "Running tasks in a process.", _WORKER),
    MetricFamily(
        "simpul_process_start_time_seconds",
        _GAUGE,
        "When a process began to count, in seconds since 1970-01-01 UTC.",
        _WORKER,
    ),
)
BY_NAME: Final = {family.name: family for family in FAMILIES}
