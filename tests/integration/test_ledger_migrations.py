"""Ledgers of every earlier version are brought to the newest, on both engines, and lose nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from guardrails import Ledger, LedgerError, Level, audit, evaluate, migrations
from guardrails.schema import metadata
from tests.support.guardrail_factory import AS_OF, AUDIT_KEY, budget_fact, budget_policy, card, configuration

pytestmark = pytest.mark.ids("SEC-3")

OLD_VERSIONS = ("0001", "0002", "0003")
"""Those that counted by themselves, before there were migrations."""


def steps() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def write_old(address: str, version: str) -> None:
    """A ledger as the program of that version left it, with two entries in its audit trail."""
    engine = create_engine(address)
    with engine.begin() as connection:
        config = steps()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY)"))
        connection.execute(text(f"INSERT INTO schema_version VALUES ({int(version)})"))
        chain = audit.Chain(connection, AUDIT_KEY)
        chain.append(AS_OF, "something.happened", "first", {"amount": "1.5"})
        chain.append(AS_OF, "something.happened", "second", {})
    engine.dispose()


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_a_ledger_of_before_the_migrations_is_completed_and_keeps_all_that_it_has(
    ledger_address: str, version: str
) -> None:
    write_old(ledger_address, version)
    for _ in range(2):
        with Ledger.open(ledger_address, AUDIT_KEY) as ledger:
            assert ledger.notes("something.happened") == {"first": {"amount": "1.5"}, "second": {}}
            assert ledger.verify().is_intact
    with Ledger.open(ledger_address, AUDIT_KEY) as ledger:
        assert evaluate(ledger, [budget_fact()], configuration(budget_policy()), card, as_of=AS_OF).decisions
        assert ledger.verify().is_intact
        tables = inspect(ledger.engine).get_table_names()
        assert set(tables) == {*metadata.tables, "alembic_version"}


def test_what_stood_under_an_earlier_program_stands_at_the_level_that_its_orders_say(ledger_address: str) -> None:
    """Three targets of before there were levels: one paused, one only told about, one warned."""
    engine = create_engine(ledger_address)
    with engine.begin() as connection:
        config = steps()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for name, level, status, kinds in (
            ("search", "trip", "ENFORCED", ["notify", "pause"]),
            ("fraud", "trip", "WARN", ["notify"]),
            ("support", "warn", "WARN", ["notify"]),
        ):
            document = json.dumps({"action_kinds": kinds, "withheld_kinds": [], "level": level}).replace(":", "\\:")
            connection.execute(
                text(
                    f"INSERT INTO decision VALUES ('gd_{name}', 'monthly-budget', 1, 'team', '{name}', '2026-10', "
                    f"'{level}', 'enforce', '2026-10-20 06:00:00', '{status}', '{document}')"
                )
            )
            raised = "'2026-10-20 06:00:00'"
            times = f"NULL, {raised}" if level == "trip" else f"{raised}, NULL"
            connection.execute(
                text(
                    f"INSERT INTO target_state VALUES ('monthly-budget', 'team', '{name}', '0000-00', 1, 'enforce', "
                    f"'2026-10', '{level}', '{status}', 0, 0, NULL, '12000', {times}, 'gd_{name}', "
                    "'2026-10-20 06:00:00')"
                )
            )
    engine.dispose()
    with Ledger.open(ledger_address, AUDIT_KEY) as ledger:
        state = {key.scope_value: target for key, target in ledger.state().targets.items()}
        assert {name: (target.level, target.ordered) for name, target in state.items()} == {
            "search": (Level.PAUSE, (Level.PAUSE,)), "fraud": (Level.PAUSE, ()), "support": (Level.WARN, ()),
        }  # fmt: skip
        assert state["search"].raised_at == {Level.PAUSE: AS_OF}
        assert state["support"].raised_at == {Level.WARN: AS_OF}
        later = AS_OF + timedelta(days=1)
        policy = budget_policy(clear_after=1)
        [release] = evaluate(
            ledger, [budget_fact("0.5", data_through=later)], configuration(policy), card, as_of=later
        ).decisions
        assert (release.supersedes, release.undoes) == ("gd_search", (Level.PAUSE,))


def test_the_steps_lead_to_the_tables_that_the_program_reads(ledger_address: str) -> None:
    assert ScriptDirectory.from_config(steps()).get_current_head() == migrations.HEAD
    with Ledger.open(ledger_address, AUDIT_KEY) as ledger, ledger.engine.connect() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(found, metadata) == []


def test_processes_that_open_a_new_ledger_at_once_make_it_once(ledger_address: str) -> None:
    def open_and_note(number: int) -> None:
        with Ledger.open(ledger_address, AUDIT_KEY) as ledger:
            ledger.note(AS_OF, "opened", str(number), {})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_note, range(8)))
    with Ledger.open(ledger_address, AUDIT_KEY) as ledger:
        assert set(ledger.notes("opened")) == {str(number) for number in range(8)}
        assert ledger.verify().is_intact


def test_what_is_append_only_stays_so_on_the_engine_itself(ledger_address: str) -> None:
    with Ledger.open(ledger_address, AUDIT_KEY) as ledger:
        ledger.note(AS_OF, "something.happened", "first", {})
        for statement in ("UPDATE audit SET event = 'x'", "DELETE FROM audit"):
            with pytest.raises(Exception, match="the audit trail is append-only"), ledger.write() as write:
                write.connection.execute(text(statement))


def test_a_ledger_of_a_newer_program_is_refused_and_left_as_it_is(ledger_address: str) -> None:
    with Ledger.open(ledger_address, AUDIT_KEY) as ledger, ledger.write() as write:
        write.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match=f"of version 9999; this program reads version {migrations.HEAD}"):
        Ledger.open(ledger_address, AUDIT_KEY)
    engine = create_engine(ledger_address)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()
