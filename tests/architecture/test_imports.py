"""Who may import whom, and what happens at import."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ("finops", "ingestion", "models", "guardrails", "reports", "simulator", "orchestration", "portal", "cli")


def modules(project_dir: Path) -> list[Path]:
    found = [path for package in PACKAGES for path in sorted((project_dir / package).rglob("*.py"))]
    assert len(found) > len(PACKAGES)
    return found


def test_every_package_is_installed_typed_and_under_the_import_rules(project_dir: Path) -> None:
    settings = tomllib.loads((project_dir / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    present = {path.parent.name for path in project_dir.glob("*/__init__.py")}
    assert present == set(PACKAGES)
    assert present == set(settings["importlinter"]["root_packages"])
    assert present == set(settings["mypy"]["packages"])
    assert present == {name.rstrip("*") for name in settings["setuptools"]["packages"]["find"]["include"]}


@pytest.mark.long
@pytest.mark.ids("OPS-1")
def test_the_import_rules_hold(project_dir: Path) -> None:
    """What `make check` runs as well."""
    settings = tomllib.loads((project_dir / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=project_dir,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Contracts: {len(settings['importlinter']['contracts'])} kept, 0 broken." in done.stdout


class EnvironmentReads(ast.NodeVisitor):
    """Lines that read the environment when the module is imported: outside functions, or in their defaults."""

    def __init__(self) -> None:
        self.lines: list[int] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        at_import = [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]
        for part in at_import:
            if part is not None:
                self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name that ast.NodeVisitor calls

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in [*node.args.defaults, *node.args.kw_defaults]:
            if part is not None:
                self.visit(part)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if (
            isinstance(node.value, ast.Name)
            and node.value.id == "os"
            and node.attr in ("environ", "getenv", "environb")
        ):
            self.lines.append(node.lineno)
        self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module == "os" and {alias.name for alias in node.names} & {"environ", "getenv", "environb"}:
            self.lines.append(node.lineno)


def environment_reads(source: str) -> list[int]:
    visitor = EnvironmentReads()
    visitor.visit(ast.parse(source))
    return visitor.lines


def test_the_search_for_environment_reads_finds_them() -> None:
    assert environment_reads("import os\nHOME = os.environ['HOME']\n") == [2]
    assert environment_reads("import os\ndef f(home=os.getenv('HOME')):\n    return home\n") == [2]
    assert environment_reads("import os\nclass C:\n    home = os.environ.get('HOME')\n") == [3]
    assert environment_reads("from os import environ\n") == [1]
    assert environment_reads("import os\ndef f():\n    return os.environ['HOME']\n") == []


@pytest.mark.ids("SEC-2")
def test_no_module_reads_the_environment_at_import(project_dir: Path) -> None:
    found = [
        f"{path.relative_to(project_dir)}:{line}"
        for path in modules(project_dir)
        for line in environment_reads(path.read_text(encoding="utf-8"))
    ]
    assert not found, "read the environment inside a function: " + ", ".join(found)


# Runs in a process of its own: what this one has imported must not hide anything.
IMPORT_ALL = """
import importlib, sys
touched = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        touched.append((event, arguments[-1]))
sys.addaudithook(watch)
names = sys.argv[1:]
for name in names:
    importlib.import_module(name)
assert not touched, f"importing {names} used the network: {touched}"
print(len(names))
"""


@pytest.mark.ids("SEC-2")
def test_importing_any_module_uses_no_network(project_dir: Path) -> None:
    names = list(module_names(project_dir))
    assert "finops.money" in names
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names], cwd=project_dir, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()[-1:]) == (0, [str(len(names))]), done.stderr


def module_names(project_dir: Path) -> Iterator[str]:
    for path in modules(project_dir):
        parts = path.relative_to(project_dir).with_suffix("").parts
        # The code location builds everything, dbt's manifest included: `dg check defs` loads it. Alembic runs its env.
        if parts[-1] not in ("__main__", "definitions", "env"):
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_module_says_what_it_is_for(project_dir: Path) -> None:
    paths = [*modules(project_dir), *(project_dir / "tools").rglob("*.py"), *(project_dir / "tests").rglob("*.py")]
    silent = [
        str(path.relative_to(project_dir))
        for path in paths
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent, "open each module with a docstring: " + ", ".join(silent)
