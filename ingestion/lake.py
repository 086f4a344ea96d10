"""The lake: the only place that writes it, through dlt.

Here: the dlt pipeline of a source, placeholders of empty tables, which loads are complete, reading back what was
landed.
Not here: the tables' contract (``finops.lake``) and what goes into them (``ingestion.sources``).

Crash safety: the lake itself says what was landed, never dlt's local state. A load counts once dlt has written its
entry in ``_dlt_loads``, which comes last. What a killed process left behind is either ready to load, and is loaded
first the next time, or is thrown away and landed again from its source.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from finops import lake as contract
from finops.config.sources import Source
from finops.paths import Home
from ingestion.drift import Drift
from ingestion.errors import LandingError
from ingestion.files import CONNECTION_VARIABLE, is_azure, open_location, storage_account
from ingestion.privacy import Hasher, load_hasher

if TYPE_CHECKING:
    from dlt import Pipeline

_LAYOUT = "{table_name}/{load_id}.{file_id}.{ext}"
_ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "decimal(38,12)": pa.decimal128(38, 12),
    "timestamp": pa.timestamp("us"),  # UTC by contract
    "date": pa.date32(),
    "boolean": pa.bool_(),
}


def arrow_schema(table: contract.LakeTable) -> pa.Schema:
    """A table's declared columns with their Arrow types."""
    return pa.schema([(column.name, _ARROW_TYPES[column.type]) for column in table.columns])


@dataclass(frozen=True)
class ParquetPart:
    """A Parquet file that is to become part of a table as it is."""

    path: Path
    row_count: int


Part: TypeAlias = "pa.Table | ParquetPart"


class Lake:
    """The lake of a home: a folder, or a bucket given by URL."""

    def __init__(self, home: Home, lake_url: str | None, environ: Mapping[str, str]) -> None:
        self.home = home
        self.url = lake_url or home.lake.as_posix()
        self.environ = environ
        self._location = open_location(self.url, environ)

    def _path(self, *parts: str) -> str:
        return self._location.join(contract.DATASET, *parts)

    def _write(self, path: str, content: bytes) -> None:
        if self._location.is_local:
            _write_atomically(Path(path), content)
        else:
            self._location.filesystem.pipe_file(path, content)

    def prepare(self, *, refresh: bool = False) -> None:
        """Write the placeholders of all tables; only where they are missing unless ``refresh``."""
        entry = self._path(contract.LOADS_TABLE, contract.LOADS_PLACEHOLDER)
        if not refresh and self._location.filesystem.exists(entry):
            return
        for table in contract.TABLES:
            buffer = io.BytesIO()
            pq.write_table(arrow_schema(table).empty_table(), buffer)
            self._write(self._path(table.name, contract.SCHEMA_FILE), buffer.getvalue())
        row = {
            "load_id": "0",
            "schema_name": "placeholder",
            "status": 0,
            "inserted_at": "1970-01-01T00:00:00+00:00",
            "schema_version_hash": "",
        }
        self._write(entry, json.dumps(row, separators=(",", ":")).encode() + b"\n")

    def complete_loads(self) -> set[str]:
        """Load ids whose entry dlt has written."""
        filesystem = self._location.filesystem
        folder = self._path(contract.LOADS_TABLE)
        if not filesystem.exists(folder):
            return set()
        names = [path.rsplit("/", 1)[-1] for path in filesystem.ls(folder, detail=False)]
        return {name.removesuffix(".jsonl").rsplit("__", 1)[-1] for name in names if name.endswith(".jsonl")}

    def data_files(self, table: contract.LakeTable) -> list[str]:
        """Paths of a table's files in complete loads."""
        filesystem = self._location.filesystem
        folder = self._path(table.name)
        if not filesystem.exists(folder):
            return []
        complete = self.complete_loads()
        return [
            path
            for path in filesystem.ls(folder, detail=False)
            if path.endswith(".parquet") and load_id_of(path) in complete
        ]

    @property
    def filesystem(self) -> Any:
        """For pyarrow's readers: None where the lake is a local folder."""
        return None if self._location.is_local else self._location.filesystem

    def open(self, path: str) -> Any:
        """A file of the lake, for reading bytes."""
        return self._location.filesystem.open(path, "rb")

    def size(self, path: str) -> int:
        return int(self._location.filesystem.size(path))

    def read(self, table: contract.LakeTable, columns: Sequence[str], *, source_id: str | None = None) -> pa.Table:
        """Rows of one source, or of all, in complete loads, for finding out what has been landed; not meant for
        facts."""
        schema = pa.schema([field for field in arrow_schema(table) if field.name in columns])
        paths = self.data_files(table)
        if not paths:
            return schema.empty_table()
        # Only these tables of ingestion's own making are read here, so all files share one schema.
        found = pq.read_table(
            paths,
            columns=list(schema.names),
            filters=None if source_id is None else [("source_id", "=", source_id)],
            filesystem=None if self._location.is_local else self._location.filesystem,
            schema=arrow_schema(table),
        )
        return found.select(schema.names)

    def scan(
        self, table: contract.LakeTable, *, source_id: str, time_column: str, since: datetime
    ) -> pa.RecordBatchReader:
        """Rows of one source in complete loads from a moment on, as a stream: for telling what is there already."""
        schema = arrow_schema(table)
        paths = self.data_files(table)
        if not paths:
            return pa.RecordBatchReader.from_batches(schema, [])
        found = pads.dataset(
            paths,
            schema=schema,
            format="parquet",
            filesystem=None if self._location.is_local else self._location.filesystem,
        )
        wanted = (pads.field("source_id") == source_id) & (pads.field(time_column) >= pa.scalar(naive_utc(since)))
        return found.scanner(filter=wanted).to_reader()

    @contextlib.contextmanager
    def writer(self, source: Source) -> Iterator[LakeWriter]:
        """The one writer of a source: a second process waits for the first."""
        slug = _slug(source.id)
        folder = self.home.pipelines
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{slug}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            work = folder / f"{slug}.work"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            try:
                writer = LakeWriter(self, slug, source.type, work, Drift(self, source.id))
                try:
                    yield writer
                except LandingError:
                    writer.finish()
                    raise
                writer.finish()
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def destination(self) -> Any:
        """dlt's destination for this lake."""
        from ingestion.dlt_filesystem import lake_filesystem

        credentials = None
        if is_azure(self.url):
            credentials = {"azure_storage_account_name": storage_account(self.url, self.environ)}
        destination = lake_filesystem(
            bucket_url=self.url,
            layout=_LAYOUT,
            credentials=credentials,
            warn_unsafe_layout_separators=False,  # the tables' names hold no separator
        )
        if is_azure(self.url) and self.environ.get(CONNECTION_VARIABLE):
            destination.opened = self._location.filesystem
        return destination


class LakeWriter:
    """Loads of one source. ``work`` is a folder for temporary files, gone when the writer closes; ``drift`` compares
    what is delivered with what was delivered before."""

    def __init__(self, lake: Lake, pipeline_name: str, schema_name: str, work: Path, drift: Drift) -> None:
        self.work = work
        self.drift = drift
        self._lake = lake
        self._name = pipeline_name
        self._schema_name = schema_name
        self._pipeline: Pipeline | None = None
        self._count = 0
        self._finish_leftovers()

    @cached_property
    def hasher(self) -> Hasher:
        """The home's hasher.

        Raises:
            LandingError: its key is too short.
        """
        return load_hasher(self._lake.home, self._lake.environ)

    def new_path(self, suffix: str = ".parquet") -> Path:
        """A fresh temporary file name."""
        self._count += 1
        return self.work / f"part-{self._count:06d}{suffix}"

    def load(self, tables: Mapping[str, Sequence[Part]]) -> None:
        """Write parts of several tables, and the drift seen since the last load, as one: readers see all of it or
        nothing.

        Raises:
            LandingError: the lake could not be written.
        """
        import dlt
        from dlt.common.schema import Schema
        from dlt.pipeline.exceptions import PipelineStepFailed

        def resource(name: str, parts: Sequence[Part]) -> Any:
            def items() -> Iterator[Any]:
                for part in parts:
                    file = self._as_file(part)
                    yield dlt.mark.with_file_import(
                        str(file.path), "parquet", file.row_count, dlt.mark.make_hints(columns=_columns(file.path))
                    )

            return dlt.resource(items, name=name, write_disposition="append")

        if seen := self.drift.take():
            drift = pa.Table.from_pylist(seen, schema=arrow_schema(contract.SCHEMA_DRIFT))
            tables = {**tables, contract.SCHEMA_DRIFT.name: [drift]}
        # "direct": FOCUS names stay as the specification spells them.
        schema = Schema(self._schema_name, {"names": "direct"})
        resources = [resource(name, _joined(parts)) for name, parts in tables.items() if parts]
        try:
            self._opened().run(resources, schema=schema, loader_file_format="parquet")
        except PipelineStepFailed as error:
            raise LandingError(
                f"writing to the lake {self._lake.url} failed: {error.__cause__ or error}. Nothing of this load is "
                "visible; correct the cause and land again"
            ) from error

    def finish(self) -> None:
        """Write what was seen of deliveries that could not be landed."""
        if self.drift.has_news:
            self.load({})

    def _as_file(self, part: Part) -> ParquetPart:
        if isinstance(part, ParquetPart):
            return part
        path = self.new_path()
        pq.write_table(part, path)
        return ParquetPart(path, part.num_rows)

    def _opened(self) -> Pipeline:
        if self._pipeline is None:
            import dlt

            dlt.config["runtime.dlthub_telemetry"] = False
            dlt.config["normalize.workers"] = 1  # files are moved, not parsed: a pool of processes only costs time
            dlt.config["extract.workers"] = 1
            dlt.config["load.workers"] = 4
            dlt.config["load.delete_completed_jobs"] = True  # else a second copy of the lake stays in dlt's folder
            self._pipeline = dlt.pipeline(
                self._name,
                pipelines_dir=str(self._lake.home.pipelines),
                destination=self._lake.destination(),
                dataset_name=contract.DATASET,
            )
            self._pipeline.config.restore_from_destination = False
            self._pipeline.config.enable_runtime_trace = False  # nobody reads it
        return self._pipeline

    def _finish_leftovers(self) -> None:
        """Load what a killed process had ready; throw away the rest of its local state, which the lake does not
        need."""
        folder = self._lake.home.pipelines / self._name
        if not folder.exists():
            return
        ready = folder / "load" / "normalized"
        if ready.is_dir() and any(ready.iterdir()):
            # Whatever is wrong with the leftovers, their source still has the facts.
            with contextlib.suppress(Exception):
                self._opened().load()
            self._pipeline = None
        shutil.rmtree(folder, ignore_errors=True)


def _columns(path: Path) -> Any:
    """A file's columns as dlt describes them, exactly: dlt rewrites a file whose columns it does not know, which took
    six times as long as everything else."""
    from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns

    schema = pq.read_schema(path)
    columns = py_arrow_to_table_schema_columns(schema)
    for field in schema:
        if pa.types.is_timestamp(field.type):
            columns[field.name]["timezone"] = field.type.tz is not None
    return columns


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Tables in memory become one: many small files are what makes reading a lake slow."""
    tables = [part for part in parts if isinstance(part, pa.Table)]
    files: list[Part] = [part for part in parts if isinstance(part, ParquetPart)]
    return [*files, pa.concat_tables(tables)] if tables else files


def load_id_of(path: str) -> str:
    """``1795252296.0216756.3f5375cf68.parquet`` → ``1795252296.0216756``."""
    return path.rsplit("/", 1)[-1].removesuffix(".parquet").rsplit(".", 1)[0]


def _slug(source_id: str) -> str:
    """A source id as dlt accepts it for a pipeline; different ids stay different."""
    slug = re.sub(r"[^a-z0-9_]", "_", source_id)
    return slug if slug == source_id else f"{slug}_{hashlib.sha256(source_id.encode()).hexdigest()[:8]}"


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)


def naive_utc(moment: datetime) -> datetime:
    """The lake's timestamps carry no zone: they are UTC by contract."""
    return moment.astimezone(UTC).replace(tzinfo=None)
