"""The stamp of an executed chapter: it changes when, and only when, the outputs might.

It covers the chapter's code, the `mixbook` modules which that code imports, directly or through other modules, the data
files beside them, the benchmark results where they are read, and the pins. Code is hashed as a syntax tree without
docstrings, so that a comment, a sentence or a reformatting makes nothing stale; cell by cell, because outputs belong to
cells. Imports are found by reading, not by running; `mixbook/__init__.py` imports lazily, and its table says where each
name lives.
"""

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from contents import ROOT

PACKAGE = "mixbook"
READS_RESULTS = f"{PACKAGE}.benchmarks"  # whoever imports it may show anything that lies in book/results/
DATA = {".csv", ".json", ".npz", ".toml", ".yml"}


def stamp(cells: Iterable[str]) -> str:
    """Hash of everything that the outputs of a notebook with these code cells depend on.

    Raises:
        SyntaxError: if a cell is neither Python nor IPython; the message says which, counted from 1.
    """
    trees = _parse(cells)
    modules = sorted(_closure(_together(trees)))
    parts = [_canonical(tree) for tree in trees]
    parts += [f"{name} {_module_hash(name)}" for name in modules]
    parts += [f"{path.relative_to(ROOT).as_posix()} {_file_hash(path)}" for path in _data_files(modules)]
    parts += _pins()
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def modules_used(cells: Iterable[str]) -> list[str]:
    """The modules of the package that these code cells import, directly or not."""
    return sorted(_closure(_together(_parse(cells))))


def _parse(cells: Iterable[str]) -> list[ast.Module]:
    return [_read(cell, f"code cell {number}") for number, cell in enumerate(cells, start=1)]


def _together(trees: Iterable[ast.Module]) -> ast.Module:
    """All cells as one program: what one imports, the next ones use."""
    return ast.Module([statement for tree in trees for statement in tree.body], [])


def _read(cell: str, name: str) -> ast.Module:
    try:
        return ast.parse(cell, name)
    except SyntaxError:  # IPython's magics and shell lines are no Python: read them as calls
        magic = re.compile(r"^(\s*)([%!].*)$", re.MULTILINE)
        return ast.parse(magic.sub(lambda line: f"{line[1]}ipython({line[2]!r})", cell), name)


def _canonical(node: object) -> str:
    """A syntax tree as text without docstrings; unlike `ast.dump`, the same for every version of Python."""
    if isinstance(node, list):
        return "[" + ",".join(_canonical(item) for item in node if not _is_docstring(item)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
    return f"{type(node).__name__}({','.join(f'{name}={_canonical(value)}' for name, value in fields)})"


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _closure(tree: ast.Module) -> set[str]:
    waiting = _imports(tree, PACKAGE)
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= _imported_by(name) - found
    return found - {PACKAGE}  # its table counts by what it leads to


@cache
def _imported_by(name: str) -> frozenset[str]:
    path = _file(name)
    assert path is not None
    if name == PACKAGE:
        return frozenset()
    here = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return frozenset(_imports(ast.parse(path.read_text(encoding="utf-8")), here) | _parents(name))


def _imports(tree: ast.Module, package: str) -> set[str]:
    """Modules of ours that a tree names; `package` is where its relative imports start."""
    found: set[str] = set()
    training = _training(tree)
    alias: dict[str, str] = {}  # local name -> module, to follow `mb.kmixup`
    for node in _at_run_time(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                if item.name.split(".")[0] == PACKAGE:
                    found |= _resolve(item.name)
                    alias[item.asname or PACKAGE] = item.name if item.asname else PACKAGE
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            if base.split(".")[0] == PACKAGE:
                found |= _resolve(base)
                for item in node.names:
                    target = f"{base}.{item.name}"
                    found |= _resolve(target)
                    if _file(target):
                        alias[item.asname or item.name] = target
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in training:
            # import_module("mixbook.models.mlp"), derive="mixbook.benchmarks.claims:sentence"
            found |= {node.value.partition(":")[0]} & _every_module()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (dotted := _dotted(node)):
            head, _, rest = dotted.partition(".")
            if head in alias:
                found |= _resolve(f"{alias[head]}.{rest}")
    return found


def _training(tree: ast.Module) -> set[str]:
    """The functions that a tree names as `trial=` or `trials=` of an experiment: a page shows their stored results."""
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    named = {target.id: node.value for node in assigned for target in node.targets if isinstance(target, ast.Name)}
    given = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg in ("trial", "trials")]
    values = [named.get(value.id) if isinstance(value, ast.Name) else value for value in given]
    return {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}


def _at_run_time(tree: ast.AST) -> Iterable[ast.AST]:
    """Every node but what is imported for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _at_run_time(node)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    base = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := _dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def _resolve(dotted: str) -> set[str]:
    """The module that a dotted name leads to (its longest prefix that is one), with the packages around it."""
    names = dotted.split(".")
    name = names[0]
    for part in names[1:]:
        if f"{name}.{part}" in _every_module():
            name = f"{name}.{part}"
        else:
            name = _table(name).get(part, name)
            break
    return {name} | _parents(name)


def _parents(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts))}


@cache
def _table(package: str) -> dict[str, str]:
    """A lazy package's table: name -> module it is imported from when first used."""
    path = _file(package)
    for node in ast.parse(path.read_text(encoding="utf-8")).body if path else []:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "_HOME":
            return ast.literal_eval(node.value)
    return {}


@cache
def _every_module() -> frozenset[str]:
    files = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / PACKAGE).rglob("*.py"))
    return frozenset(".".join(f.parts[:-1] if f.name == "__init__" else f.parts) for f in files)


def _file(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


@cache
def _module_hash(name: str) -> str:
    path = _file(name)
    assert path is not None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return hashlib.sha256(_canonical(tree).encode()).hexdigest()


def _data_files(modules: Iterable[str]) -> list[Path]:
    folders = {path.parent for name in modules if (path := _file(name)) and path.parent != ROOT / PACKAGE}
    if any(name.startswith(READS_RESULTS) for name in modules):
        folders.add(ROOT / "book" / "results")
    return sorted({path for folder in folders for path in folder.rglob("*") if path.suffix in DATA})


@cache
def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _pins() -> list[str]:
    lines = (line.partition("#") for line in (ROOT / "requirements.txt").read_text().splitlines())
    return sorted(pin.strip() for pin, _, comment in lines if pin.strip() and "no output depends on it" not in comment)
