"""Runs the stand-in server of an agency, by the driver of its manifest."""

from __future__ import annotations

import asyncio
from importlib import import_module

from sandbox.agency import AgencySpec, CannotStartError
from sandbox.agency_server import serve
from sandbox.control import AgencyControl, Latency
from sandbox.stand_ins.drop_server import DropControl, DropService
from sandbox.stand_ins.http_server import StandInService
from sandbox.stand_ins.sources import StandInSource
from sandbox.stand_ins.tables import serve_tables

_TYPICAL_LATENCY = Latency(50, 200)


def run(spec: AgencySpec, source: StandInSource) -> None:
    """Serve the samples until a stop signal. Raises `CannotStartError`."""
    if not source.has_samples:
        raise CannotStartError(f"{source.code} has no samples: write them to {source.samples}.")
    latency = _TYPICAL_LATENCY if spec.latency else Latency(0, 0)
    control = AgencyControl(spec.name, latency, {"driver": source.driver})
    match source.driver:
        case "sql":
            asyncio.run(serve_tables(spec, control, source))
        case "soap":
            # zeep takes a second, which other agencies need not wait for.
            soap = import_module("sandbox.stand_ins.soap_server")
            serve(spec, control, soap.SoapStandIn(spec, control, source).build_app())
        case "graphql":
            # graphql-core takes memory that other agencies need not have.
            graphql = import_module("sandbox.stand_ins.graphql.server")
            serve(spec, control, graphql.GraphqlStandIn(spec, control, source).build_app())
        case "files":
            drop = DropControl(spec, latency, source)
            serve(spec, drop, DropService(spec, drop, source).build_app())
        case "gtfs":
            # The parser of messages takes some megabytes, which other agencies need not hold.
            gtfs = import_module("sandbox.stand_ins.gtfs.server")
            serve(spec, control, gtfs.GtfsStandIn(spec, control, source).build_app())
        case "http" | "xml" | "ckan" | "fhir" | "open311":
            serve(spec, control, StandInService(spec, control, source).build_app())
        case driver:
            raise CannotStartError(f"no stand-in speaks the driver '{driver}' of {source.code}.")
