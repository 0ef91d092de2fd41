"""Schools, pupils and KJP Plus accounts."""

from __future__ import annotations

from dataclasses import replace

from auth.policy.rules import Access, Classification, Rule
from records.education import KjpAccount, KjpStatus, PupilStatus, School, SchoolKind, Student
from records.purposes import CitizenScope, Purpose, Scope
from resolvers.education import StudentKey, kjp_accounts_of, school_lists, schools, students_of
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import Node, connection_of
from schema.declarations.scalars import publish_enum
from schema.types.consenting import ConsentingType
from schema.types.places import place_list, places_inside
from schema.types.population import CitizenType
from schema.types.regions import CoordinatesType, RegionType

for _each in (SchoolKind, PupilStatus, KjpStatus):
    publish_enum(_each)

PUPIL = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT | Rule.OFFICIAL | Rule.AGENCY_SYSTEM | Rule.PARTNER,
    Classification.CHILD,
    frozenset({Purpose.EDUCATION, Purpose.SOCIAL_ASSISTANCE, Purpose.SUBJECT_REQUEST}),
    scope=Scope.EDUCATION,
    citizen_scopes=frozenset({CitizenScope.EDUCATION}),
)
"""Specific data of children, also about pupils who have come of age."""
SUPPORT = replace(PUPIL, classification=Classification.FINANCE)


@publishes(
    School,
    rule=Rule.PUBLIC,
    shows=("npsn", "name", "kind", "is_public", "accreditation", "address", "phone", "pupil_count", "coordinates"),
    nested=(CoordinatesType,),
    refetch=Refetch(batch=schools, seal=lambda each: each.npsn, unseal=str),
)
class SchoolType(Node):
    """The published `School`."""

    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan it lies in.")


@connection_of(SchoolType, item_name="school", items_name="schools")
class SchoolConnectionType:
    """A page of schools."""


@publishes(
    KjpAccount,
    rule=PUPIL,
    field_rules={"monthly_amount": SUPPORT, "balance": SUPPORT},
    subject="owner",
    shows=("round", "status", "monthly_amount", "balance", "paid_on"),
)
class KjpAccountType:
    """The published `KjpAccount`."""


@publishes(
    Student,
    rule=PUPIL,
    subject="owner",
    shows=("nisn", "grade", "class_name", "school_year", "status"),
)
class StudentType:
    """The published `Student`."""

    school: SchoolType | None = edge(schools, key="npsn", description="The school.")
    kjp: list[KjpAccountType] | None = edge(
        kjp_accounts_of,
        key=lambda record: StudentKey(record.owner, record.nisn),
        expected_size=4,
        description="Support from the Jakarta Smart Card (KJP Plus), newest round first.",
    )


@adds_to_query
class SchoolQueries:
    """The root field of schools."""

    schools = place_list(
        school_lists,
        SchoolConnectionType,
        id_name="npsn",
        description="Schools by text and region; near a point, the nearest first.",
    )


@adds_to(RegionType)
class SchoolsOfRegion:
    """The schools of a region."""

    schools: SchoolConnectionType | None = places_inside(
        school_lists, SchoolConnectionType, id_name="npsn", description="The schools inside it."
    )


@adds_to(CitizenType)
class StudentsOfCitizen:
    """The enrolments of a citizen."""

    students: list[StudentType] | None = edge(
        students_of, key="nik", expected_size=1, description="The citizen's enrolments in schools, newest first."
    )


@adds_to(ConsentingType)
class StudentsOfConsenting:
    """The enrolments of a person who consented, or of a child whose guardian did."""

    students: list[StudentType] | None = edge(
        students_of,
        key="subject",
        expected_size=1,
        rule=replace(PUPIL, rules=Rule.PARTNER, citizen_scopes=frozenset()),
        description="The person's enrolments in schools, newest first.",
    )
