"""The rules of the house that import-linter cannot state."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("app", "config", "pipelines", "workers")
GROUND = {"registry", "services", "jobs", "integrations", "models", "kind", "errors"}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    """Every module, or name in a module, that the file imports anywhere, with its full dotted name."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{origin}.{name.name}" for name in node.names)


def kinds() -> set[str]:
    inside = {path.stem for path in (ROOT / "pipelines").iterdir() if path.suffix == ".py" or path.is_dir()}
    return {name for name in inside if not name.startswith("_")} - GROUND


def test_only_settings_read_the_environment() -> None:
    readers = {
        module_of(path)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if (
            isinstance(node, ast.Attribute)
            and node.attr in ENVIRONMENT
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        )
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and ENVIRONMENT & {n.name for n in node.names}
        )
    }
    assert readers <= {"config.settings"}


@pytest.mark.parametrize("path", [p for p in sources() if p.name == "__init__.py"], ids=module_of)
def test_a_package_file_is_a_docstring(path: Path) -> None:
    body = ast.parse(path.read_text()).body
    assert body, f"{module_of(path)} says nothing about the package"
    assert isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    assert len(body) == 1 or module_of(path) == "app", "only app/__init__.py holds code: create_app"


def test_only_the_registry_knows_the_kinds() -> None:
    strangers = {
        (module_of(path), name)
        for path in sources()
        for name in imported(path)
        for kind in kinds()
        if f"{name}.".startswith(f"pipelines.{kind}.")
        and module_of(path) != "pipelines.registry"
        and not f"{module_of(path)}.".startswith(f"pipelines.{kind}.")
    }
    assert not strangers


def test_no_pipeline_imports_the_registry() -> None:
    climbing = {
        (module_of(path), name)
        for path in sources()
        if module_of(path).startswith("pipelines.") and module_of(path) != "pipelines.registry"
        for name in imported(path)
        if f"{name}.".startswith("pipelines.registry.")
    }
    assert not climbing
