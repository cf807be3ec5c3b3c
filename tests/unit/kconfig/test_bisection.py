"""Which of many options costs most is found, in few tries, also where options hang together."""

from __future__ import annotations

import math
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from ingot.kconfig.bisection import Culprit, Options, narrow


def names(count: int) -> Options:
    return tuple(f"O{number}" for number in range(count))


class Bench:
    """Measures what `cost` says of the options that are not put back, and counts its tries."""

    def __init__(self, options: Options, cost: Callable[[frozenset[str]], int]) -> None:
        self.options, self.cost, self.tried = options, cost, 0

    def __call__(self, back: Options) -> int:
        self.tried += 1
        return self.cost(frozenset(self.options)) - self.cost(frozenset(self.options) - {*back})

    def run(self, tries: int = 10_000) -> Culprit:
        total = self.cost(frozenset(self.options)) - self.cost(frozenset())
        return narrow(self.options, total, self, tries)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60))
def test_the_costliest_is_found_whatever_the_others_cost(costs: list[int]) -> None:
    options = names(len(costs))
    by_name = dict(zip(options, costs, strict=True))
    found = Bench(options, lambda on: sum(by_name[option] for option in on)).run()
    assert found.final
    if max(costs) > 0:
        assert found.saved == max(costs)
        assert [by_name[option] for option in found.options] == [max(costs)]


@given(st.integers(2, 500), st.data())
def test_one_culprit_among_many_takes_two_tries_a_halving_at_most(
    count: int, data: st.DataObject
) -> None:
    options = names(count)
    guilty = data.draw(st.sampled_from(options))
    bench = Bench(options, lambda on: 1000 * (guilty in on))
    assert bench.run() == Culprit((guilty,), 1000)
    assert bench.tried <= 2 * math.ceil(math.log2(count))


def test_an_option_with_what_depends_on_it_is_told_by_its_own_name() -> None:
    """Whoever puts back O3 loses O7 and O8, which cost more than it does."""
    options = names(10)

    def cost(on: frozenset[str]) -> int:
        left = on if "O3" in on else on - {"O7", "O8"}
        return sum({"O3": 10, "O7": 50, "O8": 60}.get(option, 1) for option in left)

    found = Bench(options, cost).run()
    assert found == Culprit(("O3",), 120)


def test_what_either_of_two_options_keeps_is_told_of_both() -> None:
    options = names(8)
    found = Bench(options, lambda on: 100 * bool({"O1", "O6"} & on) + len(on)).run()
    assert {"O1", "O6"} <= set(found.options)
    assert found.saved >= 100


def test_a_half_that_cannot_be_told_leaves_the_other() -> None:
    options = names(8)

    def saved(back: Options) -> int | None:
        return None if "O0" in back and len(back) < 8 else 100 * ("O6" in back)

    assert narrow(options, 100, saved, 50) == Culprit(("O6",), 100)


def test_a_part_that_cannot_be_told_is_looked_into() -> None:
    """The kernel without the second half does not compile: the culprit in it is found."""
    asked: list[Options] = []

    def saved(back: Options) -> int | None:
        asked.append(back)
        return None if back == ("O2", "O3") else 100 * ("O2" in back)

    assert narrow(names(4), 100, saved, 50) == Culprit(("O2",), 100)
    assert len(asked) == len(set(asked))


def test_a_single_option_that_cannot_be_told_is_told_with_those_around_it() -> None:
    found = narrow(names(4), 100, lambda back: None if "O2" in back else 0, 50)
    assert found == Culprit(names(4), 100)


@given(st.integers(1, 40), st.data())
def test_whatever_cannot_be_told_the_culprit_is_among_those_that_are(
    count: int, data: st.DataObject
) -> None:
    options = names(count)
    guilty = data.draw(st.sampled_from(options))
    broken = data.draw(st.frozensets(st.sampled_from(options)))
    tries = data.draw(st.integers(0, 60))
    asked: list[Options] = []

    def saved(back: Options) -> int | None:
        asked.append(back)
        return None if broken & {*back} else 100 * (guilty in back)

    found = narrow(options, 100, saved, tries)
    assert guilty in found.options
    assert len(asked) == len(set(asked)) <= tries


def test_where_neither_half_can_be_told_the_whole_is_the_answer() -> None:
    assert narrow(names(4), 100, lambda _: None, 50) == Culprit(names(4), 100)


def test_without_more_tries_the_best_set_so_far_is_told_as_such() -> None:
    bench = Bench(names(64), lambda on: 1000 * ("O9" in on))
    found = bench.run(tries=3)
    assert bench.tried == 3
    assert not found.final
    assert "O9" in found.options
    assert len(found.options) < 64
