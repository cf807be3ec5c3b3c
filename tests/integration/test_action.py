"""What action.yml runs, without docker: which container it asks for, and what is done in there.

The fake docker runs the inner script right here, with the variables that the container would have.
Ingot, make and skopeo are fakes that record how they were started; what is recorded must be such
as the real command line takes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.command_line import parse
from tests.support.houses import House
from tests.support.registries import PASSWORD, serve

SCRIPTS = Path(__file__).parents[2] / "scripts"

_DOCKER = """\
import json, os, subprocess, sys
from pathlib import Path
words = sys.argv[1:]
given = sys.stdin.read()
with open(os.environ["RECORD"], "a") as record:
    record.write(json.dumps(["docker", words, sorted(os.environ), given]) + "\\n")
state = Path(os.environ["RECORD"] + ".container")
def values(option, words=words):
    return [words[at + 1] for at, word in enumerate(words) if word == option]
match words:
    case ["image", "inspect", image] if os.environ.get("NOT_HERE"):
        sys.exit("no such image")
    case ["image", "inspect", *_]:
        print("sha256:1d " + os.environ.get("DIGESTS", "docker.io/debian@sha256:d1"))
    case ["pull", *_]:
        print("::error::words of a registry")
    case ["run", *_]:
        mounts = [dict(f.split("=") for f in word.split(",")) for word in values("--mount")]
        state.write_text(json.dumps({
            "places": {mount["target"]: mount["source"] for mount in mounts},
            "inside": {n: os.environ[n] for n in values("--env") if n in os.environ},
            "at": values("--workdir")[0],
        }))
        print("c0ffee")
    case ["exec", *_]:
        container = json.loads(state.read_text())
        at = words.index("c0ffee")
        names = [*os.environ["KEPT"].split(), *values("--env", words[:at])]
        outside = {name: os.environ[name] for name in names if name in os.environ}
        command = [container["places"].get(word, word) for word in words[at + 1 :]]
        sys.stdout.flush()
        sys.exit(subprocess.run(
            command, input=given, text=True, env={**outside, **container["inside"]},
            cwd=container["at"],
        ).returncode)
    case ["rm", "--force", "c0ffee"]:
        state.unlink()
    case _:
        sys.exit(f"docker: {words} is nothing it knows")
"""

_TOOL = """\
import json, os, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
given = sys.stdin.read()
with open(os.environ["RECORD"], "a") as record:
    seen = {key: os.environ.get(key) for key in ("INGOT_CATALOG", "REGISTRY_AUTH_FILE")}
    record.write(json.dumps([name, words, seen, given]) + "\\n")
fake = json.loads(os.environ["FAKE"])
print("::error::words of", name, file=sys.stderr)
if name != "ingot":
    sys.exit(0)
verb = words[0]
kernel = words[1] if len(words) > 1 else ""
if verb == "matrix":
    print(json.dumps({"include": fake["rows"]}, separators=(",", ":")))
elif verb == "build":
    if kernel in fake["failing"]:
        sys.exit(5)
    image = {"image": f"kernel-bin:{kernel}", "digest": f"sha256:{kernel}", "size": 1}
    print(json.dumps({"built": [{"images": [image]}], "failed": []}, indent=2))
elif verb == "push":
    if kernel in fake["refused"]:
        sys.exit(3)
    registry = words[words.index("--registry") + 1]
    tag = {"image": f"{registry}/kernel-bin:{kernel}", "digest": f"sha256:{kernel}"}
    print(json.dumps({"tags": [{**tag, "action": "new"}]}, indent=2))
elif verb in ("update", "config"):
    print("added linux\\n\\nEOF $HOME `id` ${{ x }}")
    sys.exit(fake["exit"])
"""

_BWRAP = """\
import os, sys
if "--" not in sys.argv:  # `ingot doctor` tries whether it works at all
    sys.exit(0)
os.execv("{0}", sys.argv)
"""

ROWS = (("6.1.9", "x86_64"), ("6.1.9-minimal-arm64", "arm64"), ("6.1.9-minimal", "x86_64"))


@dataclass
class Run:
    """Runs of the action, and what came of them. `more` is for what is run in the container."""

    directory: Path
    image: str = "debian:bookworm"
    more: dict[str, str] = field(default_factory=dict)
    fake: dict[str, object] = field(
        default_factory=lambda: {
            "rows": [{"kernel": kernel, "arch": arch} for kernel, arch in ROWS],
            "failing": [],
            "refused": [],
            "exit": 0,
        }
    )

    def __call__(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the action, which is to succeed."""
        done = self.attempt(**inputs)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def attempt(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the action with some inputs, which are strings as in a workflow."""
        given = {f"ACTION_{name.upper()}": value for name, value in inputs.items()}
        if "ACTION_IMAGE" in given:
            self.image = given["ACTION_IMAGE"]
        environment = {
            "PATH": f"{self.directory}/fakes:{os.environ['PATH']}",
            "RECORD": str(self.directory / "record"),
            "FAKE": json.dumps(self.fake),
            "IMAGE": self.image,
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.directory / "output"),
            "GITHUB_STEP_SUMMARY": str(self.directory / "summary"),
            "RUNNER_TEMP": str(self.directory / "temp"),
            "TMPDIR": str(self.directory / "temp"),
            "KEPT": " ".join(["PATH", "RECORD", "FAKE", "TMPDIR", *self.more]),
            **self.more,
            **given,
        }
        argv = [str(self.directory / "action" / "scripts" / "action")]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)

    @property
    def workspace(self) -> Path:
        return self.directory / "workspace"

    def recorded(self, tool: str) -> list[tuple[list[str], dict[str, str], str]]:
        lines = (self.directory / "record").read_text().splitlines()
        calls = [json.loads(line) for line in lines]
        return [(words, seen, given) for name, words, seen, given in calls if name == tool]

    def commands_given(self) -> list[list[str]]:
        return [words for words, _, _ in self.recorded("ingot")]

    def commands(self) -> list[str]:
        return [" ".join(words) for words in self.commands_given()]

    @property
    def docker(self) -> list[str]:
        (words,) = [words for words, _, _ in self.recorded("docker") if words[0] == "run"]
        return words

    def steps(self) -> list[str]:
        """What was done in the container, in order."""
        calls = [words for words, _, _ in self.recorded("docker") if words[0] == "exec"]
        return [words[words.index("/results") - 1] for words in calls]

    def outputs(self) -> dict[str, str]:
        """The outputs as GitHub reads them: NAME<<END, lines, END."""
        found = {}
        lines = iter((self.directory / "output").read_text().splitlines())
        for line in lines:
            name, _, end = line.partition("<<")
            value = []
            for each in lines:
                if each == end:
                    break
                value.append(each)
            found[name] = "\n".join(value)
        return found


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """The action with every tool a fake.

    After the test, Ingot's own parser is asked whether it takes every recorded command line.
    """
    for name in ("fakes", "workspace", "temp", "action/scripts", "action/.venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("action", "action-inside"):
        shutil.copy2(SCRIPTS / name, tmp_path / "action/scripts")
    tools = [("docker", _DOCKER), *((name, _TOOL) for name in ("make", "skopeo", "apt-get"))]
    for name, text in tools:
        write_program(tmp_path / "fakes" / name, text)
    write_program(tmp_path / "action/.venv/bin/ingot", _TOOL)
    (tmp_path / "action/.venv/bin/python").symlink_to(sys.executable)
    run = Run(tmp_path)
    yield run
    for words in run.commands_given() if (tmp_path / "record").exists() else ():
        parse(words)


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!{sys.executable} -IS\n{text}")
    path.chmod(0o755)


def test_the_container_is_privileged_and_sees_the_repository_where_it_is(run: Run) -> None:
    run(command="matrix")
    words = run.docker
    workspace, action = run.workspace, run.directory / "action"
    assert words[0] == "run"
    assert {"--rm", "--init", "--detach", "--privileged"} <= set(words)
    assert "--interactive" not in words
    mounts = [words[at + 1] for at, word in enumerate(words) if word == "--mount"]
    assert f"type=bind,source={workspace},target={workspace}" in mounts
    assert f"type=bind,source={action},target={action}" in mounts
    assert "type=bind,source=/dev/shm,target=/dev/shm" in mounts
    assert words[words.index("--workdir") + 1] == str(workspace)
    assert words[-3:] == ["sha256:1d", "sleep", "infinity"]
    assert run.steps() == ["prepare"]
    assert [words[0] for words, _, _ in run.recorded("docker")][-1] == "rm"


def test_an_action_that_is_the_repository_is_mounted_once(run: Run) -> None:
    shutil.rmtree(run.workspace)
    run.workspace.symlink_to(run.directory / "action")
    run(command="matrix")
    mounts = [word for word in run.docker if word.startswith("type=bind")]
    targets = [mount.partition("target=")[2] for mount in mounts]
    assert len(targets) == len(set(targets)) == 3
    assert str(run.directory / "action") in targets


def test_another_image_may_be_named(run: Run) -> None:
    run(command="matrix", image="debian@sha256:abc")
    asked = [words for words, _, _ in run.recorded("docker") if words[0] == "image"]
    assert all(words[-1] == "debian@sha256:abc" for words in asked)


def test_what_runs_is_what_the_tag_meant_and_is_told(run: Run) -> None:
    """A tag may be moved between two commands of docker's: it is asked once."""
    run.more["NOT_HERE"] = ""
    done = run(command="matrix")
    assert run.docker[-3] == "sha256:1d"
    assert run.outputs()["image"] == "docker.io/debian@sha256:d1"
    assert "Ingot runs in the image docker.io/debian@sha256:d1" in done.stdout


def test_an_image_that_no_registry_has_is_told_by_its_id(run: Run) -> None:
    run.more["DIGESTS"] = ""
    run(registry="ghcr.io/me")
    assert run.outputs()["image"] == "sha256:1d"
    assert "made in `sha256:1d`" in (run.directory / "summary").read_text()


def test_the_matrix_is_an_output(run: Run) -> None:
    run(command="matrix", kernels="6.1 6.1-minimal", arch="arm64 x86_64", changed_since="HEAD^1")
    assert run.commands() == [
        "matrix --why --changed-since HEAD^1 --arch arm64 --arch x86_64 -- 6.1 6.1-minimal"
    ]
    assert json.loads(run.outputs()["matrix"]) == {"include": run.fake["rows"]}
    assert set(run.outputs()) == {"matrix", "image"}


def test_a_sample_and_flavors_are_asked_for(run: Run) -> None:
    run(command="matrix", sample="true", flavor="minimal")
    assert run.commands() == ["matrix --why --sample --flavor minimal --"]


def test_each_kernel_is_built_and_pushed_before_the_next(run: Run) -> None:
    run(registry="ghcr.io/Me", username="Me", password="secret")
    common = "--cache-from ghcr.io/me --json"
    expected = ["matrix --why --", "doctor --install --quiet --arch x86_64 --arch arm64"]
    for kernel, _ in ROWS:
        expected.append(f"build {kernel} {common}")
        expected.append(f"push {kernel} --registry ghcr.io/me --builder --json")
    assert run.commands() == expected
    images = json.loads(run.outputs()["images"])
    assert images == [
        {"image": f"ghcr.io/me/kernel-bin:{kernel}", "digest": f"sha256:{kernel}"}
        for kernel, _ in ROWS
    ]
    assert "| `ghcr.io/me/kernel-bin:6.1.9` | `sha256:6.1.9` |" in (
        (run.directory / "summary").read_text()
    )


def test_the_password_is_seen_by_skopeo_and_by_nobody_else(run: Run) -> None:
    done = run(registry="ghcr.io/me", username="me", password="s3cret 'q\" $x\n")
    ((words, seen, given),) = run.recorded("skopeo")
    assert words == ["login", "--username", "me", "--password-stdin", "ghcr.io"]
    assert given == "s3cret 'q\" $x\n"
    for docker, names, _ in run.recorded("docker"):
        assert "s3cret" not in json.dumps(docker)
        assert "ACTION_PASSWORD" not in names
        assert "ACTION_PASSWORD" not in docker
    assert "s3cret" not in done.stdout + done.stderr
    assert all("s3cret" not in given for _, _, given in run.recorded("ingot"))
    assert not Path(seen["REGISTRY_AUTH_FILE"]).parent.exists()
    assert not Path(seen["REGISTRY_AUTH_FILE"]).is_relative_to(run.workspace)


def test_the_password_comes_when_all_is_installed_and_to_one_process(run: Run) -> None:
    """Nothing that was installed before, and nothing that compiles, has it on a descriptor."""
    run(registry="ghcr.io/me", username="me", password="s3cret")
    assert run.steps() == ["prepare", "login", "build"]
    calls = [(words, given) for words, _, given in run.recorded("docker") if words[0] == "exec"]
    assert [given for _, given in calls] == ["", "s3cret", ""]
    assert ["--interactive" in words for words, _ in calls] == [False, True, False]
    lines = (run.directory / "record").read_text().splitlines()
    names = [json.loads(line)[0] for line in lines]
    login = names.index("skopeo")
    assert "make" not in names[login:]
    assert "apt-get" not in names[login:]
    for tool in ("make", "apt-get", "ingot"):
        assert all(given == "" for _, _, given in run.recorded(tool))


def test_a_login_that_fails_builds_nothing(run: Run) -> None:
    write_program(run.directory / "fakes/skopeo", "import sys\nsys.exit('unauthorized')\n")
    done = run.attempt(registry="ghcr.io/me", username="me", password="s3cret")
    assert done.returncode == 1
    assert run.steps() == ["prepare", "login"]
    assert not any(command.startswith("build") for command in run.commands())


# What the runner obeys


def obeyed(log: str) -> list[str]:
    """The commands in a log that GitHub's runner acts on (its source, ActionCommandManager.cs)."""
    found, token = [], ""
    for line in log.splitlines():
        text = line.strip()
        if token:
            token = "" if text == f"::{token}::" else token
        elif text.startswith("::stop-commands::"):
            token = text.removeprefix("::stop-commands::")
            assert len(token) >= 32
        elif text.startswith("::") or "##[" in text:
            found.append(text)
    return found


EVIL = """\
import sys
for line in ("::error::mine", "  ::set-output name=x::y", "##[set-env name=PATH]/evil",
             "::stop-commands::mine", "::mine::", "::add-mask::e", "::group::g"):
    print(line, file=sys.stderr)
    print(line) if "--json" not in sys.argv else None
sys.stderr.write("no end of line")
"""


def test_only_our_own_commands_are_obeyed(run: Run) -> None:
    run.fake["failing"] = ["6.1.9"]
    done = run.attempt(registry="ghcr.io/me", username="me", password="p")
    assert done.stderr == ""
    assert "::error::words of make" in done.stdout
    assert "::error::words of ingot" in done.stdout
    groups = [line for kernel, _ in ROWS for line in (f"::group::{kernel}", "::endgroup::")]
    groups.insert(2, "::error::6.1.9 failed (its log is above)")
    assert obeyed(done.stdout) == ["::group::Install Ingot", "::endgroup::", *groups]


@pytest.mark.parametrize("tool", ["make", "skopeo", "chown"])
def test_no_word_of_a_program_is_obeyed(run: Run, tool: str) -> None:
    write_program(run.directory / "fakes" / tool, EVIL)
    done = run.attempt(registry="ghcr.io/me", username="me", password="p")
    assert "::error::mine" in done.stdout
    assert not any("mine" in line or "##[" in line for line in obeyed(done.stdout))
    assert "::group::6.1.9" in obeyed(done.stdout)


@pytest.mark.parametrize("command", ["build", "matrix", "check", "update"])
def test_no_word_of_ingot_s_is_obeyed(run: Run, command: str) -> None:
    tool = run.directory / "action/.venv/bin/ingot"
    words = EVIL.replace('    print(line) if "--json" not in sys.argv else None\n', "")
    write_program(tool, words + tool.read_text())
    done = run.attempt(command=command)
    assert "::error::mine" in done.stdout
    assert not any("mine" in line or "##[" in line for line in obeyed(done.stdout))


def test_no_word_of_docker_s_is_obeyed(run: Run) -> None:
    write_program(run.directory / "fakes/docker", EVIL + "sys.exit(4)\n")
    done = run.attempt()
    assert done.returncode == 4
    assert "::error::mine" in done.stdout
    assert obeyed(done.stdout) == []


def test_the_word_that_makes_the_runner_listen_is_never_the_same(run: Run) -> None:
    log = run(registry="ghcr.io/me").stdout
    words = [line for line in log.splitlines() if line.startswith("::stop-commands::")]
    assert len(words) == len(set(words)) > 5


def test_an_input_is_no_command(run: Run) -> None:
    done = run.attempt(command="x\n::set-env name=PATH::evil\r\n100%")
    assert done.returncode == 2
    (line,) = obeyed(done.stdout)
    assert line == "::error::there is no command 'x%0A::set-env name=PATH::evil%0D%0A100%25'"


def test_the_rule_of_the_runner_is_tried() -> None:
    assert obeyed("::error::x\n") == ["::error::x"]
    assert obeyed("a ##[error]x\n") == ["a ##[error]x"]
    token = "t" * 32
    assert obeyed(f"::stop-commands::{token}\n::error::x\n::{token}::\n::debug::y") == [
        "::debug::y"
    ]


def test_without_a_password_nobody_is_logged_in(run: Run) -> None:
    run(registry="registry.example.org/x", username="me", password="")
    assert run.recorded("skopeo") == []
    assert "push 6.1.9 --registry registry.example.org/x --builder --json" in run.commands()


def test_what_is_not_to_be_pushed_is_only_built(run: Run) -> None:
    run(registry="ghcr.io/me", push="false", username="me", password="p")
    assert not any(command.startswith("push") for command in run.commands())
    assert "build 6.1.9 --cache-from ghcr.io/me --json" in run.commands()
    assert json.loads(run.outputs()["images"])[0] == {
        "image": "kernel-bin:6.1.9",
        "digest": "sha256:6.1.9",
    }


def test_without_a_registry_nothing_leaves_the_machine(run: Run) -> None:
    run(username="me", password="p")
    assert "build 6.1.9 --json" in run.commands()
    assert run.recorded("skopeo") == []
    assert not any(command.startswith("push") for command in run.commands())


def test_another_registry_may_be_the_cache(run: Run) -> None:
    run(cache_from="ghcr.io/Them")
    assert "build 6.1.9 --cache-from ghcr.io/them --json" in run.commands()


def test_one_that_fails_does_not_keep_the_others_back(run: Run) -> None:
    run.fake |= {"failing": ["6.1.9"], "refused": ["6.1.9-minimal"]}
    done = run.attempt(registry="ghcr.io/me")
    assert done.returncode == 5
    assert "push 6.1.9-minimal-arm64 --registry ghcr.io/me --builder --json" in run.commands()
    assert not any(command.startswith("push 6.1.9 ") for command in run.commands())
    assert "::error::6.1.9 failed" in done.stdout
    assert "::error::6.1.9-minimal failed" in done.stdout
    images = [one["image"] for one in json.loads(run.outputs()["images"])]
    assert images == ["ghcr.io/me/kernel-bin:6.1.9-minimal-arm64", "kernel-bin:6.1.9-minimal"]


def test_nothing_to_do_is_no_failure(run: Run) -> None:
    run.fake["rows"] = []
    run(changed_since="HEAD^1", registry="ghcr.io/me", username="me", password="p")
    assert len(run.commands()) == 1
    outputs = run.outputs()
    assert (outputs["matrix"], outputs["images"]) == ('{"include":[]}', "[]")
    assert run.steps() == ["prepare"]


def test_configs_are_checked_of_every_kernel(run: Run) -> None:
    run(command="check")
    assert run.commands()[1] == f"config check -- {' '.join(kernel for kernel, _ in ROWS)}"
    assert "added linux" in run.outputs()["report"]


@pytest.mark.parametrize("command", ["check", "update"])
def test_a_report_is_handed_on_as_it_is_also_of_a_failure(run: Run, command: str) -> None:
    run.fake["exit"] = 3
    done = run.attempt(command=command)
    assert done.returncode == 3
    assert run.outputs()["report"] == "added linux\n\nEOF $HOME `id` ${{ x }}"


def test_an_update_is_of_the_series_that_are_named(run: Run) -> None:
    run(command="update", kernels="6.1")
    assert run.commands() == ["update -- 6.1"]


def test_the_catalog_is_named_though_it_is_where_it_always_is(run: Run) -> None:
    """The container's root would not take a catalog that it finds and that the runner owns."""
    run(command="matrix")
    ((_, seen, _),) = run.recorded("ingot")
    assert seen["INGOT_CATALOG"] == "kernels"


def test_a_catalog_elsewhere_is_named(run: Run) -> None:
    run(command="matrix", catalog="my/catalog")
    ((_, seen, _),) = run.recorded("ingot")
    assert seen["INGOT_CATALOG"] == "my/catalog"


@pytest.mark.parametrize(
    "names", ["$(touch x)", "; touch x", "`touch x`", "*", "--help", "' \" \\", "a\tb\nc"]
)
def test_names_are_words_and_never_commands(run: Run, names: str) -> None:
    (run.workspace / "a file").touch()
    run(command="matrix", kernels=names)
    assert [path.name for path in run.workspace.iterdir()] == ["a file"]
    ((words, _, _),) = run.recorded("ingot")
    assert words == ["matrix", "--why", "--", *names.split()]


@pytest.mark.parametrize(
    ("name", "value"), [("command", "destroy"), ("push", "yes"), ("sample", "1")]
)
def test_an_input_that_means_nothing_is_refused_before_anything(
    run: Run, name: str, value: str
) -> None:
    done = run.attempt(**{name: value})
    assert done.returncode == 2
    assert any(value in line for line in obeyed(done.stdout))
    assert not any(run.recorded(tool) for tool in ("make", "ingot"))


def test_a_setup_that_fails_ends_it(run: Run) -> None:
    write_program(run.directory / "fakes/make", "import sys\nsys.exit(3)\n")
    assert run.attempt().returncode == 3
    assert run.recorded("ingot") == []


def test_what_cannot_be_given_back_does_not_change_how_it_ends(run: Run) -> None:
    """Files that the container's root made go to whom the repository belongs, where that can be."""
    (run.directory / "fakes/chown").write_text("#!/bin/sh\nexit 1\n")
    (run.directory / "fakes/chown").chmod(0o755)
    run(command="matrix")
    run.fake["exit"] = 4
    assert run.attempt(command="update").returncode == 4


def test_nothing_is_left_in_temporary_directories(run: Run) -> None:
    run(registry="ghcr.io/me", username="me", password="p")
    assert list((run.directory / "temp").iterdir()) == []


def test_a_catalog_is_published_and_the_next_run_compiles_nothing(
    house: House, tmp_path: Path
) -> None:
    """Ingot, skopeo and a registry that asks for a password are real; the kernel is a fake."""
    run = Run(tmp_path / "machine")
    for name in ("fakes", "temp", "action/scripts"):
        (run.directory / name).mkdir(parents=True)
    for name in ("action", "action-inside"):
        shutil.copy2(SCRIPTS / name, run.directory / "action/scripts")
    write_program(run.directory / "fakes/docker", _DOCKER)
    write_program(run.directory / "fakes/bwrap", _BWRAP.format(shutil.which("bwrap")))
    (run.directory / "action/Makefile").write_text("setup:\n\t@echo set up\n")
    (run.directory / "action/.venv").symlink_to(Path(sys.executable).parents[1])
    run.workspace.mkdir()
    shutil.copytree(house.kernels, run.workspace / "kernels")
    with serve(tmp_path / "registry", tls=True, users={"me": PASSWORD}) as served:
        run.more = {
            "INGOT_CACHE": str(house.cache),
            "INGOT_BUILD_DIR": str(tmp_path / "build"),
            "SSL_CERT_FILE": str(served.authority),
            "HOME": str(run.directory / "temp"),
        }
        inputs = {"registry": f"{served.address}/Kernels", "username": "me", "password": PASSWORD}
        run(**inputs)
        images = {one["image"] for one in json.loads(run.outputs()["images"])}
        assert f"{served.address}/kernels/kernel-bin:6.1.999" in images
        assert f"{served.address}/kernels/flintlock-kernel:6.1" in images
        assert house.compiles() == 1
        shutil.rmtree(run.workspace / "images")
        done = run(**inputs)
        assert house.compiles() == 1
        assert "pull 6.1.999" in done.stdout + done.stderr
        refused = run.attempt(**inputs | {"password": "wrong"})
        assert refused.returncode != 0
        assert "wrong" not in refused.stdout + refused.stderr
