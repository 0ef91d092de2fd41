"""Purposes of reading personal data, and the scopes that a partner, or a person's app, may be granted."""

from __future__ import annotations

from records.description import DescribedEnum


class Purpose(DescribedEnum):
    """Why an official, a system of an agency or a partner reads personal data (UU PDP 27/2022, articles 16 and 27)."""

    CIVIL_REGISTRATION = "CIVIL_REGISTRATION", "Keeping the population register (UU 24/2013)."
    TAX_ASSESSMENT = "TAX_ASSESSMENT", "Assessing and collecting regional taxes (UU 1/2022)."
    COMPLAINT_HANDLING = "COMPLAINT_HANDLING", "Handling a citizen's complaint (UU 25/2009)."
    SOCIAL_ASSISTANCE = "SOCIAL_ASSISTANCE", "Deciding about social assistance (UU 13/2011)."
    HEALTHCARE = "HEALTHCARE", "Giving health care (UU 17/2023)."
    EDUCATION = "EDUCATION", "Enrolling and supporting pupils (UU 20/2003)."
    BUSINESS_SUPPORT = "BUSINESS_SUPPORT", "Supporting small businesses (UU 20/2008)."
    SUBJECT_REQUEST = (
        "SUBJECT_REQUEST",
        "Answering a person's request about their own data (UU PDP 27/2022, articles 5 to 13).",
    )
    IDENTITY_VERIFICATION = "IDENTITY_VERIFICATION", "Making sure who somebody is, with their consent."
    CREDIT_ASSESSMENT = "CREDIT_ASSESSMENT", "Deciding about a credit that somebody applied for."
    PAYMENT = "PAYMENT", "Collecting a payment that somebody owes the city."


class Scope(DescribedEnum):
    """What of a person's data a partner may be granted. Population data is in none of them (UU 24/2013, article 79)."""

    TAX = "tax", "Taxed land and buildings, bills and payments."
    MSMES = "msmes", "Small businesses and what they sell."
    IDENTITY = "identity", "Whether what the partner knows of a person agrees with the population register; no more."


class CitizenScope(DescribedEnum):
    """What of a person's own data an app of others may read for them, as the person granted it at the issuer.

    The city's own apps need none of these. What is in no scope, all changes among it, is for them alone.
    """

    IDENTITY = "citizen:identity", "NIK, name, sex, place and day of birth."
    RESIDENCE = "citizen:residence", "The registered home."
    CIVIL_STATUS = "citizen:civil-status", "Religion, marital status, education and occupation."
    PARENTAGE = "citizen:parentage", "The names of the parents."
    HOUSEHOLD = "citizen:household", "The family card and its members."
    HEALTH = "citizen:health", "The blood group, together with `citizen:civil-status`."
    TAX = "citizen:tax", "Taxed land and buildings, bills and payments."
    MSMES = "citizen:msmes", "Small businesses and what they sell."
    COMPLAINTS = "citizen:complaints", "What the person reported to the city."
