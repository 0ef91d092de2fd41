"""Surveys of complaints: all of a period or all that are open, for the officials who handle them and for measures."""

from __future__ import annotations

from datetime import datetime

from records.complaints import Complaint
from records.identifiers import RegionCode
from records.record import record


@record
class ComplaintSurvey:
    """A survey of complaints, private ones included where the complaint system lists them."""

    is_open: bool = False
    """Only those that are neither resolved nor rejected."""
    regions: tuple[RegionCode, ...] = ()
    """Complaints in any of these regions, at any level (province to kelurahan)."""
    reported_from: datetime | None = None
    reported_until: datetime | None = None


@record
class SurveyedComplaints:
    """The complaints of a survey, newest first."""

    complaints: tuple[Complaint, ...]
    includes_private: bool
    """Whether private complaints are among them. Otherwise the complaint system lists public ones only."""
    is_cut: bool
    """Whether there are more than the hub reads; the oldest are missing."""
