"""Hashing and masking of personal data."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import pytest

from finops.paths import Home
from ingestion.errors import LandingError
from ingestion.privacy import (
    Hasher,
    hash_sql,
    load_hasher,
    mask_emails,
    mask_emails_sql,
    mask_secret,
    redact_delimited_text,
    redact_json_text,
)

pytestmark = pytest.mark.ids("SEC-2")
HASHER = Hasher(b"k" * 32)


@pytest.mark.parametrize("key", [b"k" * 32, b"x" * 64, "ключ".encode() * 40])
@pytest.mark.parametrize("value", ["user007@example.com", "", "Jörg Ñandú 東京", "a" * 500])
def test_sql_and_python_give_one_user_one_hash(key: bytes, value: str) -> None:
    hasher = Hasher(key)
    with duckdb.connect() as connection:
        hasher.register(connection)
        row = connection.execute(f"select {hash_sql('v')}, {hash_sql('null::varchar')} from (select ? as v)", [value])
        assert row.fetchone() == (hasher.hash(value), None)
    assert len(hasher.hash(value)) == 32
    assert hasher.hash(value) != Hasher(b"another key of sufficient length!").hash(value)


def test_known_answer_of_rfc_4231() -> None:
    assert Hasher(b"Jefe").hash("what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c7"


def test_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    first = load_hasher(home, {})
    path = home.path / "hash.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_hasher(home, {}).hash("a") == first.hash("a")
    assert [found.name for found in home.path.iterdir()] == ["hash.key"]
    assert load_hasher(home, {"AIFINOPS_HASH_KEY": "0" * 40}).hash("a") != first.hash("a")


def test_weak_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="AIFINOPS_HASH_KEY has 6 characters") as error:
        load_hasher(Home(tmp_path), {"AIFINOPS_HASH_KEY": "hunter"})
    assert "hunter" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail jane.doe+ai@mail.example.co.uk now", "mail [e-mail] now"),
        ("o'neill@example.com", "[e-mail]"),
        ("user012@exa", "[e-mail]"),
        ("no address here", "no address here"),
    ],
)
def test_emails_are_masked_alike_in_sql_and_python(text: str, masked: str) -> None:
    assert mask_emails(text) == masked
    with duckdb.connect() as connection:
        assert connection.execute(f"select {mask_emails_sql('v')} from (select ? as v)", [text]).fetchone() == (masked,)


@pytest.mark.parametrize("name", ["support-copilot-prod", "checkout-service-production-gateway-key", "key 1"])
def test_names_of_keys_stay(name: str) -> None:
    assert mask_secret(name, HASHER) == name


@pytest.mark.parametrize(
    "key", ["sk-proj-abcdefghij0123456789", "3f2504e04f8941d39a0c0305e82c3301", "eyJhbGciOiJIUzI1"]
)
def test_a_key_in_place_of_its_name_is_hashed(key: str) -> None:
    assert mask_secret(key, HASHER).startswith("hash:")


def test_a_cut_line_keeps_its_shape_and_no_person() -> None:
    line = (
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","attributes":['
        '{"key":"gen_ai.prompt","value":{"stringValue":"Dear doctor, my \\"diagnosis\\" is secret"}},'
        '{"key":"user.id","value":{"stringValue":"user012@exa'
    )
    shown = redact_json_text(line, HASHER)
    assert '"traceId":"0af7651916cd43dd8448eb211c80319c"' in shown
    assert '"key":"gen_ai.prompt"' in shown
    assert not any(word in shown for word in ("doctor", "diagnosis", "secret", "user012", "exa"))


def test_text_without_quotes_is_hashed_as_a_whole() -> None:
    assert "doctor" not in redact_json_text("Dear doctor, this is no JSON", HASHER)


def test_a_broken_table_line_keeps_times_and_harmless_numbers() -> None:
    line = '2026-10-01T00:00:00Z,jane,"4711",12'
    kept = redact_delimited_text(line, ",", HASHER, keep_numbers=True)
    assert kept.startswith("2026-10-01T00:00:00Z,hash:")
    assert kept.endswith(",12")
    assert "jane" not in kept
    strict = redact_delimited_text("2026-10-01T00:00:00Z,jane,4711", ",", HASHER, keep_numbers=False)
    assert "4711" not in strict
