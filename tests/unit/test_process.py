"""Running programs: what is heard of them, how they fail, and that none outlives Ingot."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot import program_output
from ingot.errors import MachineError
from ingot.process import (
    CommandFailedError,
    Result,
    ToolMissingError,
    require_tool,
    run,
    run_in_terminal,
)
from tests.support.children import python_child


def gone(pid: int, tries: int = 500) -> bool:
    """Whether a process ended within a few seconds (a zombie nobody waits for has ended)."""
    status = Path(f"/proc/{pid}/stat")
    for _ in range(tries):
        try:
            if status.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


# What is heard


def test_both_streams_come_line_by_line_in_their_order() -> None:
    lines: list[str] = []
    result = run(shell("echo one; echo two >&2; printf three"), on_line=lines.append)
    assert lines == ["one", "two", "three"]
    assert result == Result(0, "one\ntwo\nthree\n")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=20)))
def test_lines_are_whole_wherever_the_pipe_cuts_them(lines: list[str]) -> None:
    heard: list[str] = []
    text = "".join(f"{line}\n" for line in lines).encode()
    pieces = (text[n : n + 3] for n in range(0, len(text), 3))
    run(["cat"], stdin=pieces, on_line=heard.append)
    assert heard == lines


def test_bytes_that_are_no_text_and_carriage_returns_do_no_harm() -> None:
    heard: list[str] = []
    run(shell(r"printf 'a\377b\r\nc\r\n'"), on_line=heard.append)
    assert heard == ["a�b", "c"]


def test_the_log_has_every_byte_and_is_added_to(tmp_path: Path) -> None:
    log = tmp_path / "directory" / "log"
    run(shell(r"printf 'one\377\r\n'"), log=log)
    with pytest.raises(CommandFailedError):
        run(shell("printf two; exit 1"), log=log)
    assert log.read_bytes() == b"one\xff\r\ntwo"


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_disk_that_is_full_under_the_log_ends_the_program(size: int) -> None:
    with pytest.raises(MachineError, match="no space left while writing below /dev"):
        run(shell(f"head -c {size} /dev/zero; exec sleep 1"), log=Path("/dev/full"))


def test_a_disk_that_is_full_does_not_hide_what_went_wrong_before() -> None:
    def listen(_: str) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        run(["echo", "one"], log=Path("/dev/full"), on_line=listen)


def test_output_that_is_not_wanted_is_not_kept() -> None:
    assert run(["echo", "one"], keep_output=False).output == ""


def test_standard_input_is_empty_unless_fed() -> None:
    assert run(["cat"]).output == ""


def test_more_is_fed_than_a_pipe_holds_while_as_much_comes_back() -> None:
    chunk = b"x" * 65_535 + b"\n"
    assert len(run(["cat"], stdin=(chunk for _ in range(8))).output) == 8 * len(chunk)


def test_a_program_that_stops_listening_is_judged_by_its_exit_code() -> None:
    chunks = (b"x" * 65_536 for _ in range(16))
    assert run(shell("head -c 1; exit 0"), stdin=chunks).output == "x\n"


def test_a_feeder_that_fails_is_what_is_raised() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        run(["cat"], stdin=chunks())


def test_environment_and_directory_are_those_asked_for(tmp_path: Path) -> None:
    result = run(shell("echo $INGOT_TEST; pwd -P"), env={"INGOT_TEST": "here"}, cwd=tmp_path)
    assert result.output.splitlines() == ["here", str(tmp_path.resolve())]


def test_a_program_inherits_what_is_listed_for_it_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    seen = dict(line.split("=", 1) for line in run(["printenv"]).output.splitlines())
    assert set(seen) == {"PATH", "TMPDIR", "LANG"}
    assert seen["TMPDIR"] == str(tmp_path)
    assert seen["LANG"] == "C.UTF-8"


@pytest.mark.parametrize("guarded", [True, False])
def test_a_program_that_strangers_look_into_has_no_environment_at_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, guarded: bool
) -> None:
    program = tmp_path / "bwrap"
    text = "print(end=open('/proc/self/environ').read())"
    program.write_text(f"#!{sys.executable} -IS\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    if not guarded:
        monkeypatch.setattr("ingot.process.shutil.which", _which_without_setpriv)
    assert run(["bwrap"]).output == ""


_which = shutil.which


def _which_without_setpriv(name: str, path: str | None = None) -> str | None:
    return None if name == "setpriv" else _which(name, path=path)


def test_a_program_inherits_three_open_files(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        listed = run(shell("ls /proc/$$/fd")).output.split()
    assert listed == ["0", "1", "2"]


def test_programs_of_the_system_are_found_whatever_the_users_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert require_tool("ldconfig").endswith("sbin/ldconfig")
    assert run(["ldconfig", "--version"]).returncode == 0


# Output without an end


def test_a_line_without_an_end_is_cut_into_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_output, "LONGEST_LINE", 1000)
    heard: list[str] = []
    result = run(shell("head -c 2500 /dev/zero | tr '\\0' x; echo; echo end"), on_line=heard.append)
    assert [len(line) for line in heard] == [1000, 1000, 500, 3]
    assert result.output == "".join(f"{line}\n" for line in heard)


@pytest.mark.parametrize("size", [999, 1000, 1001, 3000])
def test_a_line_is_cut_only_where_it_is_too_long(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(program_output, "LONGEST_LINE", 1000)
    text = run(["cat"], stdin=[b"x" * size + b"\n" + b"y" * 10]).output
    assert text.replace("\n", "") == "x" * size + "y" * 10
    assert max(map(len, text.split("\n"))) == min(size, 1000)
    assert text.endswith("x\nyyyyyyyyyy\n")


def test_each_byte_of_a_line_without_an_end_is_looked_at_once() -> None:
    """The work is counted: what waits for its end is not copied with every piece that comes."""
    output = program_output.ProgramOutput(None, None, True, None)
    piece = b"x" * 1024
    for _ in range(program_output.LONGEST_LINE // len(piece)):
        output.feed(piece)
        assert output._rest is not None
    before = id(output._rest)
    output.feed(b"")
    assert id(output._rest) == before
    output.feed(b"\n")
    assert output.kept == ["x" * program_output.LONGEST_LINE + "\n"]


def test_a_program_that_prints_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_output, "MOST_KEPT", 1 << 20)
    with pytest.raises(CommandFailedError, match="ended, since it printed more than the limit"):
        run(["yes", "this goes on and on"])
    result = run(["yes"], check=False)
    assert result.too_long
    assert len(result.output) < 1 << 20


def test_what_is_kept_counts_what_empty_lines_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_output, "MOST_KEPT", 1 << 20)
    result = run(["yes", ""], check=False)
    assert result.too_long
    assert len(result.output) <= (1 << 20) / 64


def test_output_that_is_not_kept_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_output, "MOST_KEPT", 1000)
    count = 0

    def listen(_: str) -> None:
        nonlocal count
        count += 1

    run(["seq", "5000"], on_line=listen, keep_output=False)
    assert count == 5000


def test_a_log_ends_at_its_limit_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(program_output, "LARGEST_LOG", 1 << 20)
    log = tmp_path / "log"
    result = run(["seq", "300000"], log=log, keep_output=False)
    assert result.returncode == 0
    text = log.read_text()
    assert text.startswith("1\n2\n3\n")
    assert text.endswith("ingot: the rest is left out: the limit of a log is 1 MiB\n")
    assert len(text) < (1 << 20) + 100
    run(["seq", "300000"], log=log, keep_output=False)
    assert len(log.read_text()) < (1 << 20) + 200


def test_the_tail_of_long_lines_is_short() -> None:
    with pytest.raises(CommandFailedError) as caught:
        run(shell("head -c 5000000 /dev/zero; exit 1"), keep_output=False)
    assert len(caught.value.why) < 1 << 20


def test_a_child_that_stays_and_prints_keeps_nobody(tmp_path: Path) -> None:
    """It has left its parent's group, so that it is not ended with it."""
    pid = tmp_path / "pid"
    script = f"setsid sh -c 'echo $$ >{pid}; exec yes' & sleep 60"
    try:
        result = run(shell(script), check=False, timeout=0.5, keep_output=False)
        assert result.timed_out
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


# Failures


def test_a_failure_shows_the_last_lines_and_a_command_that_replays_it(tmp_path: Path) -> None:
    argv = shell(f"seq 1 100; echo 'the end'; exit 7 # {tmp_path}")
    with pytest.raises(CommandFailedError) as caught:
        run(argv)
    error = caught.value
    assert error.what == "sh failed (exit code 7)"
    assert error.returncode == 7
    assert error.tail[-1] == error.why.splitlines()[-1] == "the end"
    assert 5 < len(error.tail) < 50  # the end of it, not all of it
    replay = error.hint.removeprefix("to replay it: ")
    assert shlex.split(replay) == argv


def test_a_failure_that_is_expected_is_a_result() -> None:
    assert run(shell("echo no; exit 3"), check=False) == Result(3, "no\n")


def test_death_by_a_signal_is_told_by_its_name() -> None:
    with pytest.raises(CommandFailedError, match="killed by SIGSEGV") as caught:
        run(shell("kill -SEGV $$"))
    assert caught.value.returncode == -signal.SIGSEGV


def test_death_by_a_real_time_signal_is_told_too() -> None:
    with pytest.raises(CommandFailedError, match=r"killed by .*40"):
        run(shell("kill -40 $$"))


def test_a_program_that_is_not_there_is_named_with_a_next_step(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(ToolMissingError) as caught:
        run(["ingot-no-such-tool"], log=log)
    assert "'ingot-no-such-tool'" in caught.value.what
    assert "ingot doctor" in caught.value.hint
    assert isinstance(caught.value, MachineError)
    assert not log.exists()


# Ending early


def test_a_program_is_ended_when_its_time_is_up_and_says_so() -> None:
    result = run(shell("echo begun; exec sleep 60"), timeout=1, check=False)
    assert result.timed_out
    assert result.returncode == -signal.SIGTERM
    assert result.output == "begun\n"


def test_a_program_in_time_has_not_timed_out() -> None:
    assert run(["true"], timeout=60) == Result(0, "")


def test_a_program_is_ended_when_it_was_silent_for_too_long() -> None:
    result = run(shell("echo begun; exec sleep 60"), silence=1, timeout=30, check=False)
    assert result.timed_out
    assert result.output == "begun\n"


def test_a_program_that_keeps_talking_is_not_silent() -> None:
    script = "for n in 1 2 3 4 5 6; do echo $n; sleep 0.05; done"
    assert not run(shell(script), silence=5).timed_out


def test_talking_does_not_put_off_the_end_of_the_time() -> None:
    script = "while :; do echo on; sleep 0.02; done"
    assert run(shell(script), timeout=0.2, silence=30, check=False).timed_out


def test_a_program_that_does_not_listen_is_ended_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingot.process._GRACE_SECONDS", 0.1)
    script = "trap '' TERM; echo begun; while :; do sleep 0.01; done"
    result = run(shell(script), timeout=1, check=False)
    assert result.returncode == -signal.SIGKILL


@pytest.mark.parametrize("script", ["echo begun; exec sleep 60", "trap 'exit 0' TERM; sleep 60"])
def test_an_end_for_lack_of_time_is_told_as_such(script: str) -> None:
    with pytest.raises(CommandFailedError, match=r"sh failed .*timed out"):
        run(shell(script), timeout=0.2)


def test_the_time_limit_holds_for_a_program_that_closed_its_output() -> None:
    assert run(shell("exec >&- 2>&-; exec sleep 0.6"), timeout=0.1, check=False).timed_out


def test_children_that_ignore_the_polite_signal_are_ended_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingot.process._GRACE_SECONDS", 0.1)
    script = "(trap '' TERM; exec sleep 8) & echo $!; wait"
    result = run(shell(script), timeout=1, check=False)
    pid = int(result.output)
    try:
        assert gone(pid, tries=30)
    finally:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)


POLITE = """
trap 'echo ended > "$1"; exit' TERM
echo $$
n=0
while [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
"""
"""A program that says so when it is ended; left alone it would go on for ten seconds."""


def test_a_listener_that_raises_ends_the_program(tmp_path: Path) -> None:
    def listen(_: str) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        run(["sh", "-c", POLITE, "sh", str(tmp_path / "mark")], on_line=listen)
    assert (tmp_path / "mark").exists()


RUN = """
import signal, sys
from ingot.process import run
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
try:
    run(["sh", *sys.argv[1:]], on_line=lambda line: print(line, flush=True))
except KeyboardInterrupt:
    sys.exit(99)
"""

SLEEP = "echo $$; exec sleep 60"


def child_of(pid: int) -> int:
    """The only child of the process `pid`."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_a_program_dies_when_ingot_is_killed() -> None:
    with python_child(RUN, "-c", SLEEP) as ingot:
        program = child_of(ingot.pid)
        ingot.kill()
        ingot.wait()
        assert gone(program)


def test_an_interrupt_ends_the_program_and_then_ingot(tmp_path: Path) -> None:
    with python_child(RUN, "-c", POLITE, "sh", tmp_path / "mark") as ingot:
        program = child_of(ingot.pid)
        ingot.send_signal(signal.SIGINT)
        assert ingot.wait(30) == 99
        assert (tmp_path / "mark").exists()
        assert gone(program)


def test_an_interrupt_from_the_keyboard_reaches_the_program_through_ingot_only() -> None:
    with python_child(RUN, "-c", SLEEP) as ingot:
        program = child_of(ingot.pid)
        assert os.getpgid(program) != os.getpgid(ingot.pid)


# In the terminal


def test_a_program_in_the_terminal_prints_there(capfd: pytest.CaptureFixture[str]) -> None:
    run_in_terminal(shell("echo here"))
    assert capfd.readouterr().out == "here\n"


def test_a_program_in_the_terminal_that_fails_is_told() -> None:
    with pytest.raises(CommandFailedError, match="exit code 3"):
        run_in_terminal(shell("exit 3"))


def test_an_interrupt_is_for_the_program_in_the_terminal() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(CommandFailedError, match="SIGINT"):
        # to both, as from the keyboard
        run_in_terminal(shell(f"kill -INT {os.getpid()}; kill -INT $$; sleep 9"))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_program_in_the_terminal_has_to_be_there() -> None:
    with pytest.raises(ToolMissingError):
        run_in_terminal(["ingot-no-such-program"])


# Ended from elsewhere


def test_a_program_is_ended_when_it_is_told_to_stop_and_what_it_said_is_kept(
    tmp_path: Path,
) -> None:
    stop, said_all = os.eventfd(0), tmp_path / "said-all"

    def tell(_: str) -> None:
        while not said_all.exists():
            time.sleep(0.01)
        os.eventfd_write(stop, 1)

    try:
        words = ["sh", "-c", f"echo one; echo two; : > '{said_all}'; exec sleep 600"]
        result = run(words, check=False, stop=stop, on_line=tell)
    finally:
        os.close(stop)
    assert result.timed_out
    assert result.output == "one\ntwo\n"


def test_a_program_that_prints_more_than_it_may_is_ended() -> None:
    result = run(shell("while :; do echo xxxxxxx; done"), check=False, limit=1000, timeout=60.0)
    assert result.too_long
    assert not result.timed_out
    assert 900 < len(result.output) <= 1001  # the last line has an end that was not printed
    with pytest.raises(CommandFailedError) as caught:
        run(shell("cat /dev/zero"), limit=1000, timeout=60.0)
    assert not caught.value.what.endswith("timed out)")


def test_what_may_be_printed_is_printed_whole() -> None:
    result = run(shell("printf %1000d 1"), limit=1000)
    assert (len(result.output), result.too_long) == (1001, False)
    assert run(shell("printf %1001d 1"), check=False, limit=1000).too_long
