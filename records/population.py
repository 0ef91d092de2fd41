"""People and households, as the population register (Dukcapil) knows them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import FamilyCardNumber, Nik, RegionCode
from records.record import record


@record
class Citizen:
    """A person known to the city by their NIK.

    A key and nothing else: each group of fields comes from the agency that owns it, so that one agency's
    outage costs its own fields only.
    """

    nik: Annotated[Nik, Doc("The person's identity number, 16 digits, for life.")]


class Sex(DescribedEnum):
    """Sex as entered in the population register."""

    FEMALE = "female", "Female (perempuan)."
    MALE = "male", "Male (laki-laki)."


class BloodType(DescribedEnum):
    """Blood group, where the register knows it."""

    A = "A", "Group A."
    B = "B", "Group B."
    AB = "AB", "Group AB."
    O = "O", "Group O."  # noqa: E741 - the name of the blood group


class MaritalStatus(DescribedEnum):
    """Marital status as entered in the population register."""

    SINGLE = "single", "Not married yet (belum kawin)."
    MARRIED = "married", "Married (kawin)."
    DIVORCED = "divorced", "Divorced (cerai hidup)."
    WIDOWED = "widowed", "Widowed (cerai mati)."


class Relationship(DescribedEnum):
    """How a member of a household stands to its head (status hubungan dalam keluarga)."""

    HEAD = "head", "Head of the household (kepala keluarga)."
    HUSBAND = "husband", "Husband of the head (suami)."
    WIFE = "wife", "Wife of the head (istri)."
    CHILD = "child", "Child of the head (anak)."
    CHILD_IN_LAW = "child_in_law", "Son- or daughter-in-law (menantu)."
    GRANDCHILD = "grandchild", "Grandchild (cucu)."
    PARENT = "parent", "Parent of the head (orang tua)."
    PARENT_IN_LAW = "parent_in_law", "Parent-in-law (mertua)."
    RELATIVE = "relative", "Another relative (famili lain)."
    HOUSEHOLD_HELP = "household_help", "Household help (pembantu)."
    OTHER = "other", "Anyone else on the card (lainnya)."


@record
class Identity:
    """Who a person is. A facet of the citizen."""

    nik: Annotated[Nik, Doc("Whose facet it is.")]
    name: Annotated[str, Doc("Full name, as on the identity card, in ordinary capitalisation.")]
    sex: Annotated[Sex | None, Doc("Sex, as entered in the population register.")]
    birth_place: Annotated[str | None, Doc("Place of birth, as entered in the register.")]
    birth_date: Annotated[date | None, Doc("Day of birth.")]


@record
class Residence:
    """Where a person is registered to live. A facet of the citizen."""

    nik: Annotated[Nik, Doc("Whose facet it is.")]
    address: Annotated[str | None, Doc("Street and number of the registered home, without neighbourhood and region.")]
    neighbourhood_unit: Annotated[int | None, Doc("RT (rukun tetangga), the smallest neighbourhood unit.")]
    community_unit: Annotated[int | None, Doc("RW (rukun warga), a group of neighbourhood units.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan of the registered home.")]


@record
class CivilStatus:
    """What the register holds beyond identity and home. A facet of the citizen, read only where it is asked for."""

    nik: Annotated[Nik, Doc("Whose facet it is.")]
    religion: Annotated[str | None, Doc("Religion, as entered in the register.")]
    marital_status: Annotated[MaritalStatus | None, Doc("Marital status.")]
    education: Annotated[str | None, Doc("Last completed education, in the register's words (Indonesian).")]
    occupation: Annotated[str | None, Doc("Occupation, in the register's words (Indonesian).")]
    blood_type: Annotated[BloodType | None, Doc("Blood group, where known.")]


@record
class Parentage:
    """Who a person's parents are. A facet of the citizen."""

    nik: Annotated[Nik, Doc("Whose facet it is.")]
    mother_name: Annotated[str | None, Doc("Mother's full name, as in the register.")]
    father_name: Annotated[str | None, Doc("Father's full name, as in the register.")]


PersonFacet = Identity | Residence | CivilStatus | Parentage
"""The facets that the population register answers about a person."""


@record
class HouseholdMember:
    """One person on a family card, with what the card itself says about them."""

    nik: Annotated[Nik, Doc("The member's identity number; a family card shows it to everyone on the card.")]
    name: Annotated[str, Doc("Full name, in ordinary capitalisation.")]
    sex: Annotated[Sex | None, Doc("Sex, as entered in the population register.")]
    birth_date: Annotated[date | None, Doc("Day of birth.")]
    relationship: Annotated[Relationship, Doc("How the member stands to the head of the household.")]
    on_the_card: Annotated[tuple[Nik, ...], Doc("Everyone on the same family card.")]


@record
class Household:
    """The people on one family card (Kartu Keluarga)."""

    family_card_number: Annotated[FamilyCardNumber, Doc("Number of the family card, 16 digits.")]
    head_nik: Annotated[Nik | None, Doc("Identity number of the head of the household.")]
    members: Annotated[tuple[HouseholdMember, ...], Doc("Everyone on the family card, the head first.")]
    on_the_card: Annotated[tuple[Nik, ...], Doc("Identity numbers of everyone on the card.")]
