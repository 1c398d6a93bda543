"""Reading a report that was measured before."""

from __future__ import annotations

from pathlib import Path

import msgspec

from companion.core.errors import WorkshopError
from companion.core.report import MAX_REPORT_BYTES, SCHEMA, Report


def read_report(path: Path) -> Report:
    """A report that was measured before. Raises WorkshopError."""
    remedy = "Choose a report, which “companion evaluate --json FILE” writes."
    try:
        if path.stat().st_size > MAX_REPORT_BYTES:
            raise WorkshopError(f"“{path.name}” is too large for a report.", remedy)
        report = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise WorkshopError(f"The report “{path.name}” cannot be read ({error.strerror}).", remedy) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WorkshopError(f"“{path.name}” is not a report.", remedy) from error
    if report.schema > SCHEMA:
        raise WorkshopError(f"“{path.name}” was written by a newer version of Companion.", "Measure it again with this one.")
    return report
