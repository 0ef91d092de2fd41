"""Purposes of reading personal data, and the scopes that a partner, or a person's app, may be granted."""

from __future__ import annotations

from records.description import DescribedEnum


class Purpose(DescribedEnum):
    """Why an official, a system of an agency or a partner reads personal data (UU PDP 27/2022, articles 16 and 27)."""

    CIVIL_REGISTRATION = "CIVIL_REGISTRATION", "Keeping the population register (UU 24/2013)."
    TAX_ASSESSMENT = "TAX_ASSESSMENT", "Assessing and collecting regional taxes (UU 1/2022)."
    COMPLAINT_HANDLING = "COMPLAINT_HANDLING", "Handling a citizen's complaint (UU 25/2009)."
    SOCIAL_ASSISTANCE = "SOCIAL_ASSISTANCE", "Deciding on social assistance (UU 13/2011)."
    HEALTHCARE = "HEALTHCARE", "Providing health care (UU 17/2023)."
    EDUCATION = "EDUCATION", "Enrolling and supporting pupils (UU 20/2003)."
    BUSINESS_SUPPORT = "BUSINESS_SUPPORT", "Supporting small businesses (UU 20/2008)."
    BUSINESS_LICENSING = "BUSINESS_LICENSING", "Issuing and supervising business licences (PP 28/2025)."
    SUBJECT_REQUEST = (
        "SUBJECT_REQUEST",
        "Answering a person's request about their own data (UU PDP 27/2022, articles 5 to 13).",
    )
    IDENTITY_VERIFICATION = "IDENTITY_VERIFICATION", "Verifying a person's identity, with their consent."
    CREDIT_ASSESSMENT = "CREDIT_ASSESSMENT", "Deciding on a loan that a person applied for."
    PAYMENT = "PAYMENT", "Collecting a payment that a person owes the city."


class Scope(DescribedEnum):
    """Data that a person can grant to a partner. No scope includes population data (UU 24/2013, article 79)."""

    TAX = "tax", "Taxed land and buildings, bills and payments."
    MSMES = "msmes", "Small businesses and what they sell."
    EDUCATION = "education", "Enrolments in schools, and support from KJP Plus."
    IMMUNIZATIONS = "immunizations", "Vaccinations."
    COVERAGE = "coverage", "The national health insurance: status, class and facility."
    IDENTITY = "identity", "Only whether the partner's data about a person matches the population register."


class CitizenScope(DescribedEnum):
    """Data about a person that a third-party app may read for them, as granted at the issuer.

    The city's own apps need no scope. Only they can use what no scope covers, such as all mutations.
    """

    IDENTITY = "citizen:identity", "NIK, name, sex, place and day of birth."
    RESIDENCE = "citizen:residence", "The registered home."
    CIVIL_STATUS = "citizen:civil-status", "Religion, marital status, education and occupation."
    PARENTAGE = "citizen:parentage", "The names of the parents."
    HOUSEHOLD = "citizen:household", "The family card and its members."
    HEALTH = (
        "citizen:health",
        "Health insurance, vaccinations and appointments for them; with `citizen:civil-status`, the blood group.",
    )
    TAX = "citizen:tax", "Taxed land and buildings, bills and payments."
    MSMES = "citizen:msmes", "Small businesses and what they sell."
    EDUCATION = "citizen:education", "Enrolments in schools, and support from KJP Plus."
    COMPLAINTS = "citizen:complaints", "The person's complaints to the city."
