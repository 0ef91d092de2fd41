"""Why personal data is read, and what of it a partner may be granted."""

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
