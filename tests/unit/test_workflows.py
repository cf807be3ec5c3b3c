"""The workflows and the action: their form, and rules of our own about what may stand in them.

Each rule is a function that lists what breaks it, and has an example of what it catches.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ingot import catalog
from ingot.catalog import starter
from ingot.changes import PROJECT_FILES
from ingot.tools import TOOLS
from tests.support.command_line import command_of, options_of
from tests.support.places import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
ACTION = REPOSITORY / "action.yml"
SCRIPTS = [
    path
    for path in sorted((REPOSITORY / "scripts").iterdir())
    if path.read_bytes().startswith(b"#!/bin/sh")
]
GUIDE = REPOSITORY / "docs" / "ci.md"
STARTER = REPOSITORY / "src" / "ingot" / "catalog" / "starter" / "kernels.yml"

Document = Mapping[str, object]


def parse(text: str) -> Document:
    document = YAML(typ="safe", pure=True).load(io.StringIO(text))
    assert isinstance(document, dict)
    return document


def read(path: Path) -> Document:
    return parse(path.read_text(encoding="utf-8"))


def walk(node: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a document, with the path of keys that leads to it."""
    yield place, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from walk(value, f"{place}.{key}".lstrip("."))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from walk(value, f"{place}.{number}")


def values(node: object, key: str) -> list[tuple[str, object]]:
    """What stands under a key, wherever in the document."""
    return [(place, value) for place, value in walk(node) if place.rpartition(".")[2] == key]


def table(node: object) -> dict[str, object]:
    return node if isinstance(node, dict) else {}


# The rules


def unpinned(document: Document) -> list[str]:
    """Actions of others that are not named by a commit: a tag can be moved."""
    return [
        f"{place}: {used}"
        for place, used in values(document, "uses")
        if not re.fullmatch(r"\./\S*|[\w.-]+/[\w./-]+@[0-9a-f]{40}", str(used))
    ]


def uncommented(text: str) -> list[str]:
    """Pinned actions without the release beside them, which a reader could not tell."""
    return [
        line
        for line in text.splitlines()
        if re.search(r"uses: \S+@", line)
        and not re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)
    ]


def credentials_kept(document: Document) -> list[str]:
    """Checkouts that leave the workflow's token in the clone's configuration."""
    return [
        place
        for place, step in walk(document)
        if str(table(step).get("uses")).startswith("actions/checkout@")
        and table(table(step).get("with")).get("persist-credentials") is not False
    ]


def unrestricted(document: Document) -> list[str]:
    """Jobs whose token may more than is said: every workflow says so, at its top."""
    return [] if "permissions" in document else ["there is no `permissions` at the top"]


def writes(document: Document) -> list[tuple[str, str]]:
    """Every permission to write: the job it is given to, and what it is for."""
    found = []
    for place, permissions in values(document, "permissions"):
        job = place.removesuffix(".permissions").removeprefix("jobs.")
        if isinstance(permissions, str):
            found += [(job, permissions)] if permissions != "read-all" else []
        for scope, access in table(permissions).items():
            found += [(job, scope)] if access == "write" else []
    return found


def triggers(document: Document) -> set[str]:
    on = document["on"]
    return {on} if isinstance(on, str) else set(on) if isinstance(on, (list, dict)) else set()


def powers_of_strangers(document: Document) -> list[str]:
    """What a stranger's code gets that must not: secrets, or a token that writes."""
    on = triggers(document)
    found = [
        name for name in on if name in ("pull_request_target", "workflow_run", "issue_comment")
    ]
    if "pull_request" in on:
        text = json.dumps(document)
        found += re.findall(r"secrets\b[.\[]?\s*\w*", text)
        found += [f"{job} writes {scope}" for job, scope in writes(document)]
    return found


def interpolated(document: Document) -> list[str]:
    """Expressions within shell scripts: a name with a quote in it becomes a command there."""
    return [f"{place}: {run}" for place, run in values(document, "run") if "${{" in str(run)]


def endless(document: Document) -> list[str]:
    """Jobs without a limit of their own: GitHub's is six hours."""
    jobs = table(document.get("jobs"))
    return [name for name, job in jobs.items() if "timeout-minutes" not in table(job)]


def unguarded(document: Document) -> list[str]:
    """Jobs of a matrix that may be empty: a mistake for GitHub, unless they are skipped."""
    return [
        name
        for name, job in table(document.get("jobs")).items()
        if "fromJSON" in str(table(table(job).get("strategy")).get("matrix"))
        and """!= '{"include":[]}'""" not in str(table(job).get("if"))
    ]


def versions_in(text: str) -> list[str]:
    """What looks like a kernel's version or series. Runners and releases of actions have theirs."""
    text = re.sub(r"@[0-9a-f]{40} # v[\d.]+|ubuntu-\d+\.\d+", "", text)
    return re.findall(r"(?<![\w.])\d+\.\d+(?:\.\d+)?(?![\w])", text)


# The files


def name_of(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_workflows_are_of_the_form_that_github_reads(path: Path) -> None:
    check_schema("vendor.github-workflows", path)


def test_the_action_is_of_the_form_that_github_reads() -> None:
    check_schema("vendor.github-actions", ACTION)


def check_schema(name: str, path: Path) -> None:
    """Validate with a schema that check-jsonschema has within: nothing is downloaded."""
    program = Path(sys.executable).with_name("check-jsonschema")
    argv = [str(program), "--builtin-schema", name, str(path)]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("vendor.github-workflows", "on: push\njobs: {a: {runs-on: x, steps: [{uses: 1}]}}\n"),
        ("vendor.github-actions", "name: x\ndescription: x\nruns: {using: composite}\n"),
    ],
)
def test_another_form_is_seen(schema: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text(text)
    with pytest.raises(AssertionError):
        check_schema(schema, path)


def test_the_workflows_are_there() -> None:
    assert {path.stem for path in WORKFLOWS} == {"publish", "check", "update", "release"}


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=name_of)
def test_no_rule_is_broken(path: Path) -> None:
    document, text = read(path), path.read_text(encoding="utf-8")
    assert unpinned(document) == []
    assert uncommented(text) == []
    assert credentials_kept(document) == []
    assert interpolated(document) == []
    assert versions_in(text) == []
    if path != ACTION:
        assert unrestricted(document) == []
        assert powers_of_strangers(document) == []
        assert endless(document) == []
        assert unguarded(document) == []


def test_only_what_must_write_may() -> None:
    found = {path.stem: writes(read(path)) for path in WORKFLOWS}
    assert found == {
        "check": [],
        "publish": [("kernel", "packages")],
        "release": [
            *[("image", "packages"), ("image", "id-token")],
            *[("publish", "contents"), ("publish", "id-token")],
        ],
        "update": [
            *[("propose", "contents"), ("propose", "pull-requests")],
            ("unfixed", "issues"),
        ],
    }


def test_no_version_of_the_catalog_is_named() -> None:
    kernels = catalog.load(REPOSITORY / "kernels").kernels
    names = {str(name) for kernel in kernels for name in (kernel.version, kernel.version.series)}
    ours = [path for path in SCRIPTS if path.name in ("action", "action-inside", "propose-update")]
    for path in [*WORKFLOWS, ACTION, *ours]:
        words = set(re.findall(r"[\w.]+", path.read_text(encoding="utf-8")))
        assert words & names == set(), path.name


def test_what_publishes_begins_with_what_can_change_a_kernel() -> None:
    """The paths that start the workflow are those that `ingot matrix --changed-since` looks at."""
    document = read(REPOSITORY / ".github" / "workflows" / "publish.yml")
    push = table(table(document["on"])["push"])
    assert push["paths"] == ["kernels/**", "src/ingot/**", *PROJECT_FILES]
    assert push["branches"] == ["main"]


def test_the_action_hands_every_input_to_the_script_and_every_output_back() -> None:
    action = read(ACTION)
    inputs, outputs = table(action["inputs"]), table(action["outputs"])
    (step,) = [value for _, value in values(table(action["runs"]), "env")]
    names = {f"ACTION_{name.upper().replace('-', '_')}": name for name in inputs}
    assert set(table(step)) == set(names)
    assert all(f"inputs.{name}" in str(table(step)[variable]) for variable, name in names.items())
    assert all(table(value).get("description") for value in [*inputs.values(), *outputs.values()])
    outside, inside = (
        (REPOSITORY / "scripts" / n).read_text() for n in ("action", "action-inside")
    )
    for name in outputs:
        written = f'"$results/{name}"'
        assert written in inside + outside or f'results, "{name}"' in inside
        assert re.search(rf"for name in [\w ]*\b{name}\b", outside)
    for variable in set(names) - {"ACTION_PASSWORD", "ACTION_IMAGE"}:
        assert variable in inside


def test_workflows_give_the_action_inputs_that_it_has() -> None:
    inputs = table(read(ACTION)["inputs"])
    for path in WORKFLOWS:
        for _, step in walk(read(path)):
            if table(step).get("uses") == "./":
                assert set(table(table(step).get("with"))) <= set(inputs), path.name


def test_what_the_action_uses_of_github_are_its_own_account_and_token() -> None:
    """The token goes nowhere but to GitHub's own registry, and only if nothing else was given."""
    found = [str(value) for _, value in walk(read(ACTION)) if "github.token" in str(value)]
    (password,) = {text for text in found if text.startswith("${{")}
    assert password == (
        "${{ inputs.password || (startsWith(inputs.registry, 'ghcr.io/') && github.token) || '' }}"
    )


# Scripts


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_are_sound(path: Path) -> None:
    subprocess.run(["sh", "-n", str(path)], check=True)
    assert path.stat().st_mode & 0o111 == 0o111
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(path)], check=True)


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=name_of)
def test_scripts_in_workflows_are_sound(path: Path, tmp_path: Path) -> None:
    for _, text in values(read(path), "run"):
        script = tmp_path / "script"
        script.write_text(f"#!/bin/sh\n{text}\n")
        subprocess.run(["sh", "-n", str(script)], check=True)
        if shutil.which("shellcheck"):
            subprocess.run(["shellcheck", str(script)], check=True)


def test_scripts_that_workflows_start_are_there() -> None:
    for path in [*WORKFLOWS, ACTION]:
        for _, run in values(read(path), "run"):
            for name in re.findall(r"\bscripts/[\w-]+", str(run)):
                assert (REPOSITORY / name).is_file()


COMMAND = re.compile(
    r"(?<!from)(?:^|[\s(`/])ingot (?P<words>[a-z][a-z-]*(?: [^\n|>&;`#]*)?)", re.MULTILINE
)
"""A command line of Ingot's in a script or a document, up to where the shell takes over."""


def mistakes_in_commands(text: str) -> list[str]:
    """Command lines whose verb or options Ingot does not have."""
    found = []
    for match in COMMAND.finditer(text.replace("\\\n", " ")):
        try:
            command, words = command_of(match["words"].split())
        except ValueError as error:
            found.append(str(error))
            continue
        own = words[: words.index("--")] if "--" in words else words
        given = {word.partition("=")[0] for word in own if word.startswith("-")}
        found += [f"{match['words']}: no {name}" for name in given - options_of(command)]
    return found


def shell_of(path: Path) -> str:
    """What in a file is for a shell: all of a script, the blocks of code of a document."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("path", [*SCRIPTS, *WORKFLOWS, GUIDE], ids=name_of)
def test_commands_are_such_as_ingot_has(path: Path) -> None:
    assert mistakes_in_commands(shell_of(path)) == []


def test_the_commands_are_found() -> None:
    inside = shell_of(REPOSITORY / "scripts" / "action-inside")
    found = {match["words"].split()[0] for match in COMMAND.finditer(inside)}
    assert {"update", "matrix", "config", "doctor", "build", "push"} <= found


# The guide


def test_the_guide_pins_the_same_checkout() -> None:
    """And leaves to the reader which commit of Ingot, which it cannot know."""
    ours = {str(used) for path in WORKFLOWS for _, used in values(read(path), "uses")}
    shown = set(re.findall(r"uses: (actions/\S+)", GUIDE.read_text(encoding="utf-8")))
    assert shown
    assert shown <= ours


def test_an_action_has_the_same_pin_everywhere() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (*WORKFLOWS, STARTER, GUIDE)]
    pins = [pin for text in texts for pin in re.findall(r"uses: ([\w/-]+)(@[0-9a-f]{40} .*)", text)]
    assert pins
    assert len(set(pins)) == len({name for name, _ in pins})


def test_workflows_in_the_guide_are_of_the_form_that_github_reads(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.M | re.S)
    workflows = [block for block in blocks if re.search(r"^jobs:", block, re.MULTILINE)]
    assert workflows
    for number, block in enumerate(workflows):
        path = tmp_path / f"{number}.yml"
        path.write_text(block)
        check_schema("vendor.github-workflows", path)
        inputs = table(read(ACTION)["inputs"])
        for _, step in walk(parse(block)):
            if "/ingot@" in str(table(step).get("uses")):
                assert set(table(table(step).get("with"))) <= set(inputs)


# The workflow that `ingot init` leaves


def test_the_workflow_of_a_new_catalog_is_sound(tmp_path: Path) -> None:
    starter(tmp_path)
    path = tmp_path / ".github" / "workflows" / "kernels.yml"
    check_schema("vendor.github-workflows", path)
    document = read(path)
    assert credentials_kept(document) == []
    assert unrestricted(document) == []
    assert powers_of_strangers(document) == []
    assert endless(document) == []
    (own,) = [step for _, step in walk(document) if "/ingot@" in str(table(step).get("uses"))]
    assert set(table(table(own)["with"])) <= set(table(read(ACTION)["inputs"]))


# What makes a release


def test_a_release_is_made_by_a_tag_only() -> None:
    document = read(REPOSITORY / ".github" / "workflows" / "release.yml")
    assert document["on"] == {"push": {"tags": ["v*"]}}


def test_steps_of_a_release_are_such_as_the_script_has() -> None:
    text = (REPOSITORY / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    script = (REPOSITORY / "scripts" / "release").read_text(encoding="utf-8")
    steps = re.findall(r"scripts/release (\w+)", text)
    assert steps == ["check", "build", "notes"], "nothing is built for a tag that is refused"
    assert all(f'add_parser("{step}")' in script for step in steps)


def test_the_image_has_what_doctor_looks_for() -> None:
    text = (REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    (listed,) = re.findall(r"--no-install-recommends \\\n(.*?)\n +&&", text, re.DOTALL)
    packages = {tool.package for tool in TOOLS if not tool.only_unprivileged}
    assert set(listed.replace("\\", "").split()) == {*packages, "ca-certificates", "python3-venv"}


def test_the_image_is_made_of_files_that_its_context_has() -> None:
    context = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8")
    text = (REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    (copied,) = re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE)
    assert copied.split() == ["requirements-runtime.lock", "dist/ingot-*.whl"]
    assert {"*", "!requirements-runtime.lock", "!dist/*.whl"} <= set(context.splitlines())


# The rules catch what they are there for


STEP = "jobs: {{a: {{runs-on: x, timeout-minutes: 5, steps: [{step}]}}}}"
SHA = "a" * 40


@pytest.mark.parametrize(
    "used",
    [
        "actions/checkout@v4",
        "actions/checkout@main",
        "a/b",
        f"a/b@{SHA[:12]}",
        "docker://debian:12",
    ],
)
def test_an_action_that_can_change_is_seen(used: str) -> None:
    assert unpinned(parse(STEP.format(step=f"{{uses: '{used}'}}"))) != []


@pytest.mark.parametrize("used", [f"actions/checkout@{SHA}", f"a/b/c@{SHA}", "./", "./sub"])
def test_an_action_that_cannot_change_is_fine(used: str) -> None:
    assert unpinned(parse(STEP.format(step=f"{{uses: '{used}'}}"))) == []


def test_a_pin_without_its_release_is_seen() -> None:
    assert uncommented(f"      - uses: a/b@{SHA}\n") != []
    assert uncommented(f"      - uses: a/b@{SHA} # v1\n") != []
    assert uncommented(f"      - uses: a/b@{SHA} # v1.2.3\n      - uses: ./\n") == []


@pytest.mark.parametrize(
    "more", ["", ", with: {fetch-depth: 0}", ", with: {persist-credentials: true}"]
)
def test_a_token_left_in_the_clone_is_seen(more: str) -> None:
    step = f"{{uses: 'actions/checkout@{SHA}'{more}}}"
    assert credentials_kept(parse(STEP.format(step=step))) != []


def test_a_workflow_that_says_nothing_of_permissions_is_seen() -> None:
    assert unrestricted(parse("on: push\njobs: {}\n")) != []


@pytest.mark.parametrize(
    "text",
    [
        "on: pull_request_target\npermissions: {}\njobs: {}\n",
        "on: [push, workflow_run]\njobs: {}\n",
        "on: pull_request\npermissions: {contents: write}\njobs: {}\n",
        "on: pull_request\npermissions: write-all\njobs: {}\n",
        "on: {pull_request: {}}\njobs: {a: {permissions: {packages: write}}}\n",
        "on: pull_request\njobs: {a: {env: {X: '${{ secrets.X }}'}}}\n",
        "on: pull_request\njobs: {a: {env: {X: \"${{ secrets['X'] }}\"}}}\n",
        "on: pull_request\njobs: {a: {secrets: inherit}}\n",
    ],
)
def test_powers_of_strangers_are_seen(text: str) -> None:
    assert powers_of_strangers(parse(text)) != []


@pytest.mark.parametrize(
    "expression", ["github.event.issue.title", "inputs.kernels", "github.ref_name"]
)
def test_an_expression_in_a_script_is_seen(expression: str) -> None:
    step = f"{{run: 'echo ${{{{ {expression} }}}}'}}"
    assert interpolated({"jobs": {"a": {"steps": [table(parse(f"x: {step}")["x"])]}}}) != []


def test_a_job_without_a_limit_is_seen() -> None:
    assert endless(parse("jobs: {a: {runs-on: x}, b: {timeout-minutes: 1}}")) == ["a"]


def test_a_matrix_that_may_be_empty_is_seen() -> None:
    strategy = "strategy: {matrix: '${{ fromJSON(needs.a.outputs.b) }}'}"
    assert unguarded(parse(f"jobs: {{a: {{{strategy}}}}}")) == ["a"]
    guard = """if: "needs.a.outputs.b != '{\\"include\\":[]}'\""""
    assert unguarded(parse(f"jobs: {{a: {{{guard}, {strategy}}}}}")) == []


@pytest.mark.parametrize("text", ["kernels: 6.1", "run: build 6.1.176-minimal", "- '5.10'"])
def test_a_version_is_seen(text: str) -> None:
    assert versions_in(text) != []


@pytest.mark.parametrize(
    "text",
    ["ingot bild x", "ingot build --cache-fro R", "  ingot config chekc x", "$(ingot matrix --x)"],
)
def test_a_command_that_ingot_does_not_have_is_seen(text: str) -> None:
    assert mistakes_in_commands(text) != []
