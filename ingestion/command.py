"""Running one source alone: ``python -m ingestion.sources.<name> --home DIR …``.

Here: options made from the source's configuration model, and the result in words.
Not here: reading ``config/`` (the CLI does).
"""

from __future__ import annotations

import argparse
import os
import sys
import typing
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from finops.config.load import ConfigError
from finops.config.source_base import SourceBase
from finops.config.sources import Source
from finops.paths import Home
from finops.periods import BillingPeriod, utc_now
from ingestion import LandingError, LandingResult, land

_BAD_USAGE = 2


def main(model: type[SourceBase], arguments: Sequence[str] | None = None) -> int:
    """Land one source from command-line options.

    Returns:
        0, or 1 where something could not be landed, or 2 where the options are wrong.
    """
    source_type = typing.get_args(model.model_fields["type"].annotation)[0]
    parser = _parser(model, source_type)
    options = vars(parser.parse_args(arguments))
    settings = {name: options[name] for name in model.model_fields if options.get(name) is not None}
    try:
        source = typing.cast(
            Source, model.model_validate({"id": source_type.replace("_", "-"), **settings, "type": source_type})
        )
        as_of = datetime.fromisoformat(options["as_of"]) if options["as_of"] else utc_now()
        periods = {BillingPeriod.parse(text) for text in options["period"]} if options["period"] else None
        result = land(
            source,
            Home(Path(options["home"]).resolve()),
            as_of=as_of,
            environ=os.environ,
            lake_url=options["lake"],
            periods=periods,
            progress=_say,
        )
    except ValidationError as error:
        for detail in error.errors():
            _complain(f"--{'.'.join(map(str, detail['loc'])).replace('_', '-')}: {detail['msg']}")
        return _BAD_USAGE
    except (LandingError, ConfigError, ValueError) as error:
        _complain(str(error))
        return 1
    _report(result)
    return 0


def _parser(model: type[SourceBase], source_type: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m ingestion.sources.{source_type}", description=model.__doc__)
    parser.add_argument("--home", required=True, help="folder for the lake and the state of landing")
    parser.add_argument("--lake", help="bucket for the lake instead, such as az://container/lake")
    parser.add_argument("--as-of", help="ISO 8601 with offset; nothing made later is landed (default: now)")
    parser.add_argument("--period", action="append", help="only this month, such as 2026-10; repeatable")
    for name, field in model.model_fields.items():
        if name in ("type", "enabled"):
            continue
        is_list = typing.get_origin(field.annotation) is list
        help_text = field.description or "name of the source in every landed row"
        if not field.is_required() and name != "id":
            help_text += f" (default: {field.default})"
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            required=field.is_required() and name != "id",
            nargs="+" if is_list else None,
            help=help_text.replace("%", "%%"),
        )
    return parser


def _report(result: LandingResult) -> None:
    rows = ", ".join(f"{count} rows in {table}" for table, count in sorted(result.rows.items())) or "no new rows"
    _say(
        f"{result.source_id}: {result.snapshots} snapshots, {result.windows} windows, {rows}, "
        f"{result.rejected} refused, {result.skipped} skipped, {result.seconds:.1f} s"
    )
    for line in result.incomplete:
        _say(f"not all there yet: {line}")
    for line in result.ignored:
        _say(f"left out: {line}")
    for line in result.notes:
        _say(f"note: {line}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")
