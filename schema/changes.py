"""The root of changes: what callers may ask the hub to do.

A change is declared like every root field: a pure function from arguments and caller to a key, and a batch that does
what the keys say. Changes of one document run one after another (GraphQL specification, section 6.2.2), and what was
read before one is read again after it.
"""

from __future__ import annotations

from schema import answering_requests, data_requests


class ChangeRoot:
    """What callers may change."""

    request_correction = data_requests.request_correction
    request_erasure = data_requests.request_erasure
    request_access_copy = data_requests.request_access_copy
    object_to_decision = data_requests.object_to_decision
    restrict_processing = data_requests.restrict_processing
    end_restriction = data_requests.end_restriction
    withdraw_data_request = data_requests.withdraw_data_request
    answer_data_request = answering_requests.answer_data_request
