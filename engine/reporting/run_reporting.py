"""Who is told of what the engine ran."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.reporting.operation_meter import NoOperationMeter, OperationMeter
from engine.reporting.refused_fields import NoRefusalRecorder, RefusalRecorder
from engine.reporting.subject_reads import NoReadRecorder, ReadRecorder


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReporting:
    """Who is told: of reads before an answer leaves, of operations and of refusals after it."""

    recorder: ReadRecorder = field(default_factory=NoReadRecorder)
    """Records what an answer holds of whom, for each caller who shares it."""
    meter: OperationMeter = field(default_factory=NoOperationMeter)
    refusals: RefusalRecorder = field(default_factory=NoRefusalRecorder)
    """Counts refusals by caller."""
    track_reads: bool = False
    """Whether reads are worked out although nothing records them."""

    @property
    def needs_reads(self) -> bool:
        """Whether a run has to work out what its answer holds of whom."""
        return self.track_reads or not isinstance(self.recorder, NoReadRecorder)


NO_REPORTING = RunReporting()
