"""People and households of the population register (Dukcapil)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import FamilyCardNumber, Nik, RegionCode
from records.record import record


@record
class Citizen:
    """A resident, identified by a NIK.

    Each group of fields comes from the agency that owns it, so one agency's outage affects only its own fields.
    """

    nik: Annotated[Nik, Doc("The person's identity number, 16 digits, for life."), DECIDES_ACCESS]


class Sex(DescribedEnum):
    """Sex as entered in the population register."""

    FEMALE = "female", "Female (perempuan)."
    MALE = "male", "Male (laki-laki)."


class BloodType(DescribedEnum):
    """Blood group."""

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
    """A member's relationship to the head of the household (status hubungan dalam keluarga)."""

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
    OTHER = "other", "Any other person on the card (lainnya)."


@record
class Identity:
    """A person's identity. A facet of the citizen."""

    nik: Annotated[Nik, Doc("The person."), DECIDES_ACCESS]
    name: Annotated[str, Doc("Full name, from the identity card, in ordinary capitalisation.")]
    sex: Annotated[Sex | None, Doc("Sex, as entered in the population register.")]
    birth_place: Annotated[str | None, Doc("Place of birth, as entered in the register.")]
    birth_date: Annotated[date | None, Doc("Date of birth."), DECIDES_ACCESS]


@record
class Residence:
    """A person's registered home. A facet of the citizen."""

    nik: Annotated[Nik, Doc("The person."), DECIDES_ACCESS]
    address: Annotated[str | None, Doc("Street and number, without neighbourhood and region.")]
    neighbourhood_unit: Annotated[int | None, Doc("RT (rukun tetangga), the smallest neighbourhood unit.")]
    community_unit: Annotated[int | None, Doc("RW (rukun warga), a group of neighbourhood units.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan."), DECIDES_ACCESS]


@record
class CivilStatus:
    """A person's civil status. A facet of the citizen, which is read only if it is selected."""

    nik: Annotated[Nik, Doc("The person."), DECIDES_ACCESS]
    religion: Annotated[str | None, Doc("Religion, as entered in the register.")]
    marital_status: Annotated[MaritalStatus | None, Doc("Marital status.")]
    education: Annotated[str | None, Doc("Highest completed education, in the register's words (Indonesian).")]
    occupation: Annotated[str | None, Doc("Occupation, in the register's words (Indonesian).")]
    blood_type: Annotated[BloodType | None, Doc("Blood group, if known.")]


@record
class Parentage:
    """The names of a person's parents. A facet of the citizen."""

    nik: Annotated[Nik, Doc("The person."), DECIDES_ACCESS]
    mother_name: Annotated[str | None, Doc("Mother's full name, as entered in the register.")]
    father_name: Annotated[str | None, Doc("Father's full name, as entered in the register.")]


PersonFacet = Identity | Residence | CivilStatus | Parentage
"""The facets that the population register answers about a person."""


@record
class HouseholdMember:
    """One person on a family card, with the data on the card itself."""

    nik: Annotated[
        Nik, Doc("The member's identity number; a family card shows it to everyone on the card."), DECIDES_ACCESS
    ]
    name: Annotated[str, Doc("Full name, in ordinary capitalisation.")]
    sex: Annotated[Sex | None, Doc("Sex, as entered in the population register.")]
    birth_date: Annotated[date | None, Doc("Date of birth."), DECIDES_ACCESS]
    relationship: Annotated[
        Relationship, Doc("The member's relationship to the head of the household."), DECIDES_ACCESS
    ]
    on_the_card: Annotated[tuple[Nik, ...], Doc("Everyone on the same family card."), DECIDES_ACCESS]


@record
class Household:
    """The people on one family card (Kartu Keluarga)."""

    family_card_number: Annotated[FamilyCardNumber, Doc("Number of the family card, 16 digits.")]
    head_nik: Annotated[Nik | None, Doc("Identity number of the head of the household."), DECIDES_ACCESS]
    members: Annotated[tuple[HouseholdMember, ...], Doc("Everyone on the family card, the head first.")]
    on_the_card: Annotated[tuple[Nik, ...], Doc("Identity numbers of everyone on the card."), DECIDES_ACCESS]
