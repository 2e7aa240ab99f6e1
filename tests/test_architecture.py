"""Imports go down only; `import mixbook` needs torch, numpy and scipy alone; nothing in the package knows the book."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mixbook"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Each room and what it may import of ours. A room that is missing here fails the test: decide where it belongs.
MAY_IMPORT = {
    "": set(),
    "__main__": {"cli"},
    "mixing.plan": {"mixing.checks", "plots", "transfer"},  # a plan can show itself
    "mixing.transport": set(),
    "mixing.losses": {"mixing.checks"},
    "mixing.scope": {"generators"},
    "mixing.checks": set(),
    "mixing.ratio": {"mixing.scope", "mixing.checks", "generators"},
    "mixing.matching": {"mixing.transport", "transfer"},
    "mixing.pairing": {"mixing.checks", "mixing.transport", "mixing.matching", "generators", "transfer"},
    "mixing.blend": {"mixing.scope", "mixing.plan", "mixing.transport", "generators", "lead", "least", "modes", "transfer"},
    "mixing.mixer": {"mixing.scope", "mixing.checks", "mixing.plan", "mixing.pairing", "mixing.ratio", "mixing.blend"},
    "mixing.oneof": {"mixing.scope", "mixing.plan", "mixing.mixer"},
    "mixing.route": {"mixing.plan", "mixing.mixer", "mixing.oneof", "transfer"},
    "mixing.ahead": {"mixing.checks", "mixing.plan", "mixing.mixer", "mixing.oneof"},
    "mixing.place": {
        "mixing.scope",
        "mixing.checks",
        "mixing.plan",
        "mixing.pairing",
        "mixing.ratio",
        "mixing.blend",
        "mixing.mixer",
        "mixing.oneof",
        "mixing.route",
    },
    "mixing.block": {
        "mixing.checks",
        "mixing.plan",
        "mixing.matching",
        "mixing.pairing",
        "mixing.ratio",
        "mixing.blend",
        "mixing.mixer",
        "mixing.oneof",
    },
    "mixing.answers": {"mixing.pairing", "mixing.ratio", "mixing.blend", "mixing.mixer", "mixing.place"},
    "mixing.cost": {"mixing.ratio", "mixing.mixer", "mixing.place"},
    "mixing.guided": {"mixing.checks", "mixing.plan", "mixing.blend", "mixing.mixer", "generators"},
    "mixing.gan": {"mixing.pairing", "mixing.ratio", "mixing.mixer", "mixing.place", "generators"},
    "data": {"generators", "least", "transfer", "vision"},  # views of large images
    "models": {"least", "vision"},
    "plots": {"intervals"},
    "vision": set(),
    "generators": set(),
    "intervals": set(),
    "lead": set(),
    "least": set(),
    "modes": set(),
    "whole_file": set(),
    "transfer": set(),
    # An attack may look for the layer that normalises.
    "evaluation": {"data", "models", "generators", "intervals", "lead", "modes"},
    "theory": {"mixing", "generators", "least"},
    "compat": {"mixing", "generators", "transfer"},
    "training": {"mixing", "data", "models", "evaluation", "least", "modes", "whole_file", "transfer"},
    "advice": {"mixing", "theory", "plots"},
    "benchmarks": {
        "mixing",
        "theory",
        "data",
        "models",
        "training",
        "evaluation",
        "vision",
        "advice",
        "intervals",
        "modes",
        "whole_file",
    },
    "cli": {"advice", "benchmarks", "training", "theory", "data", "models", "evaluation", "mixing", "whole_file"},
}
CORE = {"torch", "numpy", "scipy", "mixbook"}
# Installed by an extra, so imported inside the function that uses it, in the rooms that `import mixbook` can reach.
LAZY_ROOMS = ("", "mixing", "theory", "compat", "data", "models", "evaluation", "plots", "vision", "advice")


def room(module: str) -> str:
    """The longest listed room that holds a dotted module name (without the leading ``mixbook``)."""
    found = [name for name in MAY_IMPORT if module == name or (name and module.startswith(name + "."))]
    assert found, f"mixbook.{module} is in no room of MAY_IMPORT"
    return max(found, key=len)


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def loaded_by(statement: str) -> set[str]:
    """The modules that a new process has after a statement."""
    code = f"{statement}; import sys; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_go_down_only(path):
    module = dotted(path)
    if module in ("mixing", "__main__"):
        return
    here = room(module)
    allowed = MAY_IMPORT[here]
    for name in imports(ast.parse(path.read_text())):
        if not name.startswith("mixbook.") or name == "mixbook.__version__":
            continue
        target = name.removeprefix("mixbook.")
        if (PACKAGE / Path(*target.split("."))).with_suffix(".py").exists() or (
            PACKAGE / Path(*target.split("."))
        ).is_dir():
            there = room(target) if target != "mixing" else "mixing"
            assert there == here or any(there == ok or there.startswith(ok + ".") for ok in allowed), (
                f"{module} -> {target}"
            )


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_nothing_imports_the_book(path):
    assert not any(name.split(".")[0] == "book" for name in imports(ast.parse(path.read_text())))


@pytest.mark.parametrize("path", [p for p in MODULES if dotted(p).split(".")[0] in LAZY_ROOMS], ids=dotted)
def test_extras_are_imported_where_they_are_used(path):
    top_level = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.Import | ast.ImportFrom)]
    roots = {name.split(".")[0] for node in top_level for name in imports(node)}
    assert roots <= CORE | set(sys.stdlib_module_names)


def test_only_one_module_imports_torchvision():
    importers = {
        dotted(p) for p in MODULES if any(n.split(".")[0] == "torchvision" for n in imports(ast.parse(p.read_text())))
    }
    assert importers <= {"vision"}


def test_importing_the_package_loads_no_extra_and_no_method():
    extras = ("matplotlib", "sklearn", "lightning_fabric", "papermill", "torchvision")
    assert loaded_by("import mixbook; mixbook.kmixup").isdisjoint(extras)


def test_every_public_name_resolves_and_an_unknown_one_says_which_exist():
    import mixbook

    for name in mixbook.__all__:
        assert getattr(mixbook, name) is not None
    with pytest.raises(AttributeError, match="kmixup"):
        _ = mixbook.no_such_method


def test_every_room_is_there_whatever_was_imported_before():
    import mixbook

    assert "mixbook.training.loop" in loaded_by("import mixbook as mb; mb.training.fit")
    rooms = {path.stem for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    assert rooms - {"cli"} <= set(mixbook._ROOMS) <= set(dir(mixbook))


def test_importing_data_loads_no_loader_of_what_is_downloaded():
    assert loaded_by("import mixbook.data").isdisjoint({"mixbook.data.store", "mixbook.data.images"})


def test_type_checkers_know_every_name_of_data_that_is_imported_when_first_asked_for():
    import mixbook.data

    (block,) = [node for node in ast.parse(Path(mixbook.data.__file__).read_text()).body if isinstance(node, ast.If)]
    told = {alias.name: node.module for node in ast.walk(block) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == mixbook.data._HOME


def test_importing_the_training_loads_no_compiler():
    assert "torch._dynamo" not in loaded_by("import mixbook.training")  # as much again as torch itself takes
