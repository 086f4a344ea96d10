"""tools/check.py says what failed and fails itself."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def tool(project_dir: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_tool", project_dir / "tools" / "check.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "check_tool", module)
    spec.loader.exec_module(module)
    return module


def python(code: str) -> tuple[str, ...]:
    return ("python", "-c", code)


def test_a_failing_check_shows_its_output_and_fails_the_whole(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        tool,
        "checks",
        lambda scratch: [
            tool.Check("good", "passes", python("print('not shown')")),
            tool.Check("bad", "fails", python("import sys; print('line 7 is wrong'); sys.exit(3)")),
        ],
    )
    assert tool.main() == 1
    shown = capsys.readouterr().out
    assert "✓ good" in shown
    assert "✗ bad" in shown
    assert "line 7 is wrong" in shown
    assert "not shown" not in shown
    assert "✗ 1 of 2 checks failed" in shown


def test_checks_that_pass_are_one_line_each(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool, "checks", lambda scratch: [tool.Check("good", "passes", python("pass"))])
    assert tool.main() == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.ids("SEC-2")
def test_checks_run_in_a_home_of_their_own_without_telemetry(tool: ModuleType, tmp_path: Path) -> None:
    environ = tool.environment(tmp_path)
    assert environ["AIFINOPS_HOME"].startswith(str(tmp_path))
    assert environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert "enabled: false" in (tmp_path / "dagster" / "dagster.yaml").read_text(encoding="utf-8")
    names = {check.command[0] for check in tool.checks(tmp_path)}
    assert {"ruff", "mypy", "lint-imports", "dbt", "dg"} <= names
