"""What the documents promise exists, and what exists is documented."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from cli.main import app
from finops.config import load_configuration

CODE_FOLDERS = (
    *("finops", "ingestion", "models", "guardrails", "reports", "simulator", "orchestration", "portal", "cli"),
    *("config", "dbt_project"),
)
SUFFIXES = {".py", ".yml", ".sql", ".toml"}


def code_files(project_dir: Path) -> list[Path]:
    skipped = {"target", "logs", "__pycache__"}
    found = [
        path
        for folder in CODE_FOLDERS
        for path in (project_dir / folder).rglob("*")
        if path.suffix in SUFFIXES and not skipped & set(path.relative_to(project_dir).parts)
    ]
    assert len(found) > 50
    return found


def documents(project_dir: Path) -> list[Path]:
    return [*project_dir.glob("*.md"), *(project_dir / "docs").rglob("*.md"), *ingestion_readmes(project_dir)]


def ingestion_readmes(project_dir: Path) -> list[Path]:
    return list((project_dir / "ingestion").rglob("README.md"))


def mentioned_variables(project_dir: Path) -> set[str]:
    """Own names wherever they stand, and other programs' names where the code gives them a name of ours."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in code_files(project_dir))
    own = set(re.findall(r"\bAIFINOPS_[A-Z0-9]+(?:_[A-Z0-9]+)*\b", text))
    named = set(re.findall(r'^_?[A-Z_]*_VARIABLE = "([A-Z0-9_]+)"', text, re.MULTILINE))
    read_by_dbt = set(re.findall(r"env_var\(\s*['\"]([A-Z0-9_]+)", text))
    return own | named | read_by_dbt


@pytest.mark.ids("SEC-2")
def test_the_example_environment_lists_exactly_the_variables_in_use(project_dir: Path) -> None:
    lines = (project_dir / ".env.example").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Z0-9_]+=", line) for line in listed), "names only, never a value"
    assert sorted(line.rstrip("=") for line in listed) == sorted(mentioned_variables(project_dir))
    for above, line in itertools.pairwise(lines):
        if line in listed:
            assert re.match(r"# \S.*\.$", above), f"{line} needs a comment of one line"


def commands(group: TyperGroup, path: str = "aifinops") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            if command.invoke_without_command:
                yield f"{path} {name}"
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


def test_every_command_is_documented_and_says_what_it_does(project_dir: Path) -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    found = list(commands(root))
    assert "aifinops config check" in found
    readme = (project_dir / "README.md").read_text(encoding="utf-8")
    missing = [command for command in found if f"`{command}`" not in readme]
    assert not missing, f"README.md does not mention {missing}"


def test_documents_mention_no_command_that_does_not_exist(project_dir: Path) -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    known = set(commands(root))
    checked = 0
    for path in documents(project_dir):
        for words in re.findall(r"(?:`|bin/)aifinops ([a-z-]+(?: [a-z-]+)?)", path.read_text(encoding="utf-8")):
            first, _, second = words.partition(" ")
            assert f"aifinops {first}" in known or f"aifinops {first} {second}" in known, f"{path.name}: {words}"
            checked += 1
    assert checked > 5


def test_links_between_documents_lead_to_files(project_dir: Path) -> None:
    broken = []
    checked = 0
    for path in documents(project_dir):
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" in target or target.startswith("mailto:"):
                continue
            checked += 1
            if not (path.parent / target).exists():
                broken.append(f"{path.relative_to(project_dir)} → {target}")
    assert checked > 5
    assert not broken, broken


def test_documents_name_make_targets_that_exist(project_dir: Path) -> None:
    makefile = (project_dir / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    texts = {path: path.read_text(encoding="utf-8") for path in documents(project_dir)}
    texts[project_dir / "ci.yml"] = (project_dir / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    named = {
        (path.name, target)
        for path, text in texts.items()
        for target in re.findall(r"(?:`|^|run: )make ([a-z-]+)", text, re.MULTILINE)
    }
    assert named
    assert {target for _, target in named} <= targets


@pytest.mark.ids("GOV-4", "GUARD-1")
def test_every_policy_has_a_runbook_that_exists(project_dir: Path) -> None:
    policies = load_configuration(project_dir / "config").guardrails.policies
    assert policies
    for policy in policies:
        assert policy.runbook, policy.id
        assert (project_dir / policy.runbook).is_file(), f"{policy.id}: {policy.runbook} does not exist"


def listed_requirements(project_dir: Path) -> list[str]:
    text = (project_dir / "docs" / "requirements.md").read_text(encoding="utf-8")
    return re.findall(r"^\| ([A-Z]+-[0-9]+) \| \S", text, re.MULTILINE)


def marked_requirements(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "ids":
            for argument in node.args:
                assert isinstance(argument, ast.Constant)
                yield argument.value


def test_tests_name_requirements_that_exist(project_dir: Path) -> None:
    listed = listed_requirements(project_dir)
    assert len(listed) == len(set(listed)) > 50
    used = {
        name: path
        for path in (project_dir / "tests").rglob("test_*.py")
        for name in marked_requirements(path.read_text(encoding="utf-8"))
    }
    assert len(used) > 10
    unknown = {name: str(path.relative_to(project_dir)) for name, path in used.items() if name not in listed}
    assert not unknown, f"not in docs/requirements.md: {unknown}"


def test_the_lock_pins_every_package_by_hash_and_names_no_address(project_dir: Path) -> None:
    text = (project_dir / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(?:-i|-f|--(?:extra-)?index-url|--find-links|--trusted-host)\b", text, re.MULTILINE)
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(packages) > 100
    for package in packages:
        assert re.match(r"[a-z0-9._-]+(?:\[[a-z,]+\])?==\S+", package), package.partition("\n")[0]
        assert "--hash=sha256:" in package, package.partition("\n")[0]
