"""The import structure of the package: rooms, the arrows between them, and no circle."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "trinity_chord"
MOST_FILES_OF_PLUGIN = 8

# What a room may import, besides itself and the modules of SHARED. Whoever needs a new arrow
# moves the shared name down first.
ALLOWED = {
    "objective": set(),
    "sampling": set(),
    "report": {"expert_data"},
    "rewards": set(),
    "multi_turn": set(),
    "data": {"multi_turn", "rewards"},
    "expert_data": {"objective"},
    "testing": {"objective", "plugin"},
    "workflows": {"multi_turn", "rewards", "sampling"},
    "cpu": {"sampling"},
    "evaluation": {"multi_turn", "rewards", "sampling"},
    "plugin": {"objective", "expert_data"},
    "plugin.backends": {"cpu", "plugin"},
    "plugin.config": {"expert_data", "objective", "plugin", "plugin.backends"},
    "plugin.training": {"expert_data", "objective", "plugin", "plugin.backends"},
    "plugin.front": {"expert_data", "objective", "plugin", "plugin.backends", "plugin.config"},
    "plugin_dir": {"plugin.front"},
    "presets": {"objective", "plugin", "quickstart"},
    "recipes": {"presets"},
    "launch": {
        *("cpu", "expert_data", "objective", "plugin", "plugin.backends", "plugin.front"),
        *("plugin.config", "report"),
    },
    "doctor": {"cpu", "launch", "quickstart"},
    "init": {"quickstart", "recipes"},
    "migrate": {"plugin", "plugin.backends", "plugin.config"},
    "quickstart": {"launch", "report", "rewards"},
    "__main__": {"cli"},
    "cli": {
        *("data", "doctor", "evaluation", "init", "launch", "migrate", "presets"),
        *("quickstart", "recipes", "report"),
    },
}
# Modules without a room, which import only each other.
SHARED = {
    "bfcl_package",
    "dotted",
    "errors",
    "images",
    "json_lines",
    "json_process",
    "json_worker",
    "locks",
    "path_hints",
    "process_pool",
    "prompts",
    "signals",
    "terminal",
    "tool_calls",
    "turns",
    "verl_layout",
    "versions",
}
# The modules of plugin/ through which Trinity reaches its rooms.
FRONT = {"", "algorithm", "short_names"}


def name_of(path):
    """The dotted name of a module, without the package's: ``plugin.names``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module):
    """The room of a module; the shared ones and the package itself are the room ``shared``."""
    first, _, rest = module.partition(".")
    if not first or first in SHARED:
        return "shared"
    if first != "plugin":
        return first
    second = rest.partition(".")[0]
    if rest in FRONT:
        return "plugin.front"
    return f"plugin.{second}" if second in ("backends", "config", "training") else "plugin"


def imported_by(tree):
    """Every module of the package that a tree imports, in functions too, but not for types only."""
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            nodes += node.orelse
            continue
        nodes += ast.iter_child_nodes(node)
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if short(name) in MODULES else node.module for name in full]
        yield from (short(name) for name in names if name.split(".")[0] == "trinity_chord")


def short(name):
    return name.removeprefix("trinity_chord").removeprefix(".")


IMPORTS = {
    module: set(imported_by(ast.parse(path.read_text(encoding="utf-8"))))
    for module, path in MODULES.items()
}
ARROWS = {
    (room_of(module), room_of(imported), module, imported)
    for module, imports in IMPORTS.items()
    for imported in imports
    if room_of(module) != room_of(imported)
}


def test_every_module_belongs_to_a_room():
    rooms = {room_of(module) for module in MODULES if module}
    assert rooms == {*ALLOWED, "shared"}


def test_arrows_lead_only_where_they_may():
    wrong = [
        f"{module} imports {imported}: {room} -> {other}"
        for room, other, module, imported in sorted(ARROWS)
        if other != "shared" and other not in ALLOWED.get(room, set())
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "arrows",
    [ALLOWED, IMPORTS],
    ids=["the rooms that may import each other", "the modules that do"],
)
def test_there_is_no_circle(arrows):
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


@pytest.mark.parametrize("room", ["objective", "expert_data"])
def test_what_any_training_loop_can_use_knows_neither_the_plugin_nor_the_command_line(room):
    below, seen = [room], set()
    while below:
        seen.add(each := below.pop())
        below += ALLOWED[each] - seen
    assert not {each for each in seen if each.startswith(("plugin", "cli", "launch"))}


def test_only_the_module_that_python_runs_imports_the_command_line():
    assert [module for module, imports in IMPORTS.items() if "cli" in imports] == ["__main__"]


def test_the_top_of_the_plugin_stays_small():
    assert len(list((PACKAGE / "plugin").glob("*.py"))) <= MOST_FILES_OF_PLUGIN


@pytest.mark.parametrize("name", ["trinity_chord", "trinity_chord.cpu"])
def test_an_import_loads_neither_torch_nor_trinity(name):
    code = (
        f"import sys, {name}; print([n for n in ('torch', 'trinity', 'ray') if n in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
