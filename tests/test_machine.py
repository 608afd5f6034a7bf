"""The lane's table against its laws: every state with every event and every input, then whole days of chance, then stories."""

import runpy
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.lane import machine
from gate.lane.inputs import Inputs, Walk, fold
from gate.lane.machine import TABLE, Command, Event, Lane, State, Step, Timers, When, deadline, page, start, step

TIMERS = Timers(referred=3, released=5, passing=15, securing=4)
EMPTY = Inputs(entry=False, exit=False, closed=True, fire=False, officer=False)
OPEN = replace(EMPTY, closed=False)
WAITING = (State.STANDBY, State.EVACUATION, State.OUT_OF_SERVICE)
SIGNS = {
    State.STANDBY: Command.SHOW_READY,
    State.REFERRED: Command.SHOW_REFERRED,
    State.RELEASED: Command.SHOW_PROCEED,
    State.PASSING: Command.SHOW_PROCEED,
    State.SECURING: Command.SHOW_CLOSED,
    State.EVACUATION: Command.SHOW_EVACUATE,
    State.OUT_OF_SERVICE: Command.SHOW_OUT_OF_ORDER,
}


def every_input() -> Iterator[Inputs]:
    for levels in product((False, True), repeat=5):
        for walk in Walk:
            yield Inputs(*levels, walk)


def every_case() -> Iterator[tuple[Lane, Event, Inputs]]:
    for state, occupied, event, inputs in product(State, (False, True), Event, list(every_input())):
        yield Lane(state, 100.0, occupied), event, inputs


CASES = tuple(every_case())


# Every case: 7 states, 9 events, inside or not, every level and walk, whether the sensors could say so or not.


def test_law_1_only_a_clearance_at_standby_releases() -> None:
    for lane, event, inputs in CASES:
        released = step(lane, event, inputs, 101.0).commands.count(Command.RELEASE)
        assert released == (lane.state is State.STANDBY and event is Event.CLEARED)


def test_law_1_a_verdict_changes_nothing_anywhere_but_at_standby() -> None:
    for lane, event, inputs in CASES:
        if event in (Event.CLEARED, Event.REFUSED) and lane.state is not State.STANDBY:
            assert step(lane, event, inputs, 101.0) == Step(lane, ())


def test_law_2_nothing_secures_on_a_person() -> None:
    for lane, event, inputs in CASES:
        taken = step(lane, event, inputs, 101.0)
        assert Command.SECURE_IF_CLEAR not in taken.commands
        if Command.SECURE in taken.commands:
            assert inputs.clear
            assert not taken.lane.occupied
            assert not lane.occupied or event in (Event.LEFT, Event.RESET)


def test_law_2_who_comes_in_while_the_barrier_may_be_securing_stops_it() -> None:
    for lane, event, inputs in CASES:
        if event is Event.ENTERED and lane.state in (State.SECURING, State.OUT_OF_SERVICE):
            taken = step(lane, event, inputs, 101.0)
            assert taken.commands[0] is Command.HOLD
            assert taken.lane.occupied


def test_law_2_what_is_not_listed_is_an_alarm() -> None:
    unlisted = set(product(State, Event)) - TABLE.keys()
    assert unlisted == {(State.STANDBY, Event.TIMEOUT), (State.OUT_OF_SERVICE, Event.TIMEOUT)}
    for lane, event, inputs in CASES:
        taken = step(lane, event, inputs, 101.0)
        assert taken.listed == ((lane.state, event) not in unlisted)
        if not taken.listed:
            assert taken.lane.state is State.OUT_OF_SERVICE
            assert Command.ALARM in taken.commands
            safe = inputs.clear and not lane.occupied and not inputs.fire
            assert taken.commands[0] is (Command.SECURE if safe else Command.HOLD)


def test_law_2_the_lane_never_goes_out_of_service_in_silence() -> None:
    for lane, event, inputs in CASES:
        taken = step(lane, event, inputs, 101.0)
        if taken.lane.state is State.OUT_OF_SERVICE is not lane.state:
            assert {Command.ALARM, Command.SOUND_ALARM} <= set(taken.commands)


def test_law_3_what_does_not_wait_ends_by_itself() -> None:
    for lane, event, inputs in CASES:
        due = deadline(lane, TIMERS)
        assert (due is None) == (lane.state in WAITING)
        if event is Event.TIMEOUT and due is not None:
            assert step(lane, event, inputs, due).lane.state is not lane.state


def test_law_3_each_state_has_its_own_timer() -> None:
    due = {state: deadline(Lane(state, 100.0, occupied=False), TIMERS) for state in State if state not in WAITING}
    assert due == {State.REFERRED: 103, State.RELEASED: 105, State.PASSING: 115, State.SECURING: 104}


def test_law_3_staying_does_not_put_off_the_timer_and_going_restarts_it() -> None:
    for lane, event, inputs in CASES:
        after = step(lane, event, inputs, 101.0).lane
        assert after.since == (100.0 if after.state is lane.state else 101.0)


def test_law_3_only_an_officer_ends_out_of_service_and_evacuation() -> None:
    for lane, event, inputs in CASES:
        after = step(lane, event, inputs, 101.0).lane.state
        if lane.state is State.OUT_OF_SERVICE and event not in (Event.RESET, Event.FIRE):
            assert after is State.OUT_OF_SERVICE
        if lane.state is State.EVACUATION and event is not Event.RESET:
            assert after is State.EVACUATION


@pytest.mark.parametrize("state", [State.OUT_OF_SERVICE, State.EVACUATION])
def test_law_3_an_officers_word_counts_when_the_beams_agree(state: State) -> None:
    for inputs, occupied in product(every_input(), (False, True)):
        taken = step(Lane(state, 100.0, occupied), Event.RESET, inputs, 101.0)
        if not inputs.clear or inputs.fire:
            assert taken == Step(Lane(state, 100.0, occupied), ())
        else:
            assert taken.commands[0] is Command.SECURE
            assert taken.lane == Lane(State.STANDBY if inputs.closed else State.SECURING, 101.0, occupied=False)


def test_law_4_fire_beats_everything_and_nothing_is_driven_against_it() -> None:
    for lane, event, inputs in CASES:
        taken = step(lane, event, inputs, 101.0)
        if event is Event.FIRE:
            assert taken.lane.state is State.EVACUATION
            assert lane.state is State.EVACUATION or taken.commands[0] is Command.HOLD
        if inputs.fire:
            assert Command.SECURE not in taken.commands


def test_law_5_a_fault_takes_the_lane_out_of_service_but_not_out_of_an_evacuation() -> None:
    for lane, event, inputs in CASES:
        if event is Event.FAULT:
            after = step(lane, event, inputs, 101.0).lane.state
            assert after is (State.EVACUATION if lane.state is State.EVACUATION else State.OUT_OF_SERVICE)


def test_law_7_the_use_is_settled_exactly_when_the_release_is_over() -> None:
    for lane, event, inputs in CASES:
        taken = step(lane, event, inputs, 101.0)
        settled = sum(taken.commands.count(command) for command in (Command.COMMIT, Command.GIVE_BACK))
        held = (lane.state is State.RELEASED) + taken.commands.count(Command.RELEASE)
        assert settled == held - (taken.lane.state is State.RELEASED)


def test_law_7_only_somebody_who_walked_spends_the_use() -> None:
    for lane, event, inputs in CASES:
        if Command.COMMIT in step(lane, event, inputs, 101.0).commands:
            assert event in (Event.ENTERED, Event.LEFT) or inputs.entry


def test_law_8_the_sign_follows_the_state() -> None:
    for lane, event, inputs in CASES:
        taken = step(lane, event, inputs, 101.0)
        shown = [command for command in taken.commands if command.startswith("show_")]
        assert shown[-1:] in ([], [SIGNS[taken.lane.state]])
        assert shown or taken.lane.state is lane.state


def test_every_row_says_what_the_sign_says_when_it_leads_elsewhere() -> None:
    for (state, _), row in TABLE.items():
        shown = [command for command in row.commands if command.startswith("show_")]
        assert shown == ([] if row.state is state else [SIGNS[row.state]])


def test_only_the_release_comes_before_everything_else_it_commands() -> None:
    for row in TABLE.values():
        moves = {Command.RELEASE, Command.SECURE_IF_CLEAR, Command.HOLD}
        assert not moves.intersection(row.commands[1:])
        assert Command.SECURE not in row.commands


# Beginnings.


def test_a_lane_begins_secured() -> None:
    assert start(OPEN, 7.0) == Step(Lane(State.SECURING, 7.0, occupied=False), (Command.SECURE, Command.SHOW_CLOSED))


def test_a_lane_that_is_shut_already_begins_at_standby() -> None:
    taken = start(EMPTY, 7.0)
    assert taken.lane == Lane(State.STANDBY, 7.0, occupied=False)
    assert taken.commands == (Command.SECURE, Command.SHOW_CLOSED, Command.SHOW_READY)


def test_a_lane_with_somebody_in_it_begins_out_of_service() -> None:
    taken = start(replace(EMPTY, exit=True), 7.0)
    assert taken.lane == Lane(State.OUT_OF_SERVICE, 7.0, occupied=True)
    assert taken.commands == (
        Command.HOLD,
        Command.ALARM,
        Command.SHOW_OUT_OF_ORDER,
        Command.SOUND_ALARM,
    )


@pytest.mark.parametrize("entry", [False, True])
def test_a_lane_on_fire_begins_evacuated(entry: bool) -> None:  # noqa: FBT001 - parametrized
    taken = start(replace(EMPTY, fire=True, entry=entry), 7.0)
    assert taken.lane == Lane(State.EVACUATION, 7.0, occupied=entry)
    assert taken.commands == (Command.HOLD, Command.SHOW_EVACUATE, Command.SOUND_ALARM)


# Days of chance. The sensors are folded, so the inputs are those that a lane can see; time jumps as it likes.

SENSOR = st.tuples(st.sampled_from(["entry", "exit", "closed", "fire", "officer"]), st.booleans())
HAPPENING = st.one_of(SENSOR, st.sampled_from([Event.CLEARED, Event.REFUSED, Event.FAULT]), st.floats(0.0, 20.0))
DAY = st.lists(HAPPENING, max_size=80)


def lived(day: Iterable[tuple[str, bool] | Event | float]) -> Iterator[tuple[Event | None, Step, Inputs]]:
    """Play a day as the loop would: timers first, then what happens. Yields what was at each step."""
    now, inputs = 0.0, EMPTY
    taken = start(inputs, now)
    yield None, taken, inputs
    for happening in day:
        event: Event | None
        if isinstance(happening, float):
            now += happening
            due = deadline(taken.lane, TIMERS)
            event = Event.TIMEOUT if due is not None and now >= due else None
        elif isinstance(happening, Event):
            event = happening
        else:
            inputs, event = fold(inputs, *happening)
        if event is not None:
            taken = step(taken.lane, event, inputs, now)
            yield event, taken, inputs


@settings(max_examples=300)
@given(DAY)
def test_a_day_of_chance_keeps_the_laws(day: list[tuple[str, bool] | Event | float]) -> None:
    released = committed = given_back = cleared = 0
    securing = False
    for event, taken, inputs in lived(day):
        assert taken.listed
        cleared += event is Event.CLEARED
        released += taken.commands.count(Command.RELEASE)
        committed += taken.commands.count(Command.COMMIT)
        given_back += taken.commands.count(Command.GIVE_BACK)
        assert released <= cleared
        assert released - committed - given_back == (taken.lane.state is State.RELEASED)
        for command in taken.commands:
            securing = command is Command.SECURE or (securing and command not in (Command.HOLD, Command.RELEASE))
        # Law 2, over time: nobody comes into a beam of a barrier that is being driven. At standby it is shut already.
        moving = securing and taken.lane.state not in (State.STANDBY, State.REFERRED)
        assert not moving or inputs.clear
        assert not moving or not taken.lane.occupied
        # What the lane believes is never less than what the beams have seen.
        assert taken.lane.occupied or inputs.walk is Walk.NOBODY


@given(DAY)
def test_a_lane_left_alone_comes_to_rest(day: list[tuple[str, bool] | Event | float]) -> None:
    *_, (_, taken, inputs) = lived(day)
    lane, steps = taken.lane, 0
    while (due := deadline(lane, TIMERS)) is not None:
        lane, steps = step(lane, Event.TIMEOUT, inputs, due).lane, steps + 1
    assert lane.state in WAITING
    assert steps <= 2


PLACES = ("before", "entry", "between", "exit", "behind")
WALK = st.sampled_from(["on", "back"])
ELSE = st.one_of(st.sampled_from(["closed", "-closed", "officer", "-officer"]), st.floats(0.0, 20.0))
VERDICT = st.sampled_from([Event.CLEARED, Event.REFUSED, Event.FAULT])


@settings(max_examples=300)
@given(st.lists(st.one_of(WALK, WALK, ELSE, VERDICT), max_size=100))
def test_no_barrier_is_driven_on_a_person_who_dawdles(day: list[str | Event | float]) -> None:
    """One person after another; each walks on and back as they like, but for turning back in the exit beam."""
    lane, place = Walkway(), 0
    for happening in day:
        was = place
        if happening == "on":
            place = (place + 1) % len(PLACES)  # the one behind is gone, the next one stands before
        elif happening == "back" and PLACES[place] in ("entry", "between"):
            place -= 1
        lane.said.clear()
        if place != was:
            lane.sense(*_beams(PLACES[was], PLACES[place]))
        elif isinstance(happening, Event):
            lane.tell(happening)
        elif isinstance(happening, float):
            lane.let(happening)
        elif happening in ("closed", "-closed", "-officer") or (happening == "officer" and PLACES[place] != "between"):
            lane.sense(happening)  # an officer looks before turning the key
        assert Command.SECURE not in lane.said or PLACES[place] in ("before", "behind")


def _beams(was: str, place: str) -> list[str]:
    return [f"-{was}"] * (was in ("entry", "exit")) + [place] * (place in ("entry", "exit"))


# Stories.


class Walkway:
    """A lane that is told things in a row, and remembers the commands of the last one."""

    def __init__(self, inputs: Inputs = EMPTY) -> None:
        self.now = 0.0
        self.inputs = inputs
        self.taken = start(inputs, self.now)
        self.said: list[Command] = []

    def sense(self, *changes: str) -> "Walkway":
        for change in changes:
            self.inputs, event = fold(self.inputs, change.lstrip("-"), not change.startswith("-"))
            if event is not None:
                self.tell(event)
        return self

    def tell(self, event: Event) -> "Walkway":
        self.taken = step(self.taken.lane, event, self.inputs, self.now)
        self.said += self.taken.commands
        return self

    def let(self, seconds: float) -> None:
        self.now += seconds
        due = deadline(self.taken.lane, TIMERS)
        if due is not None and self.now >= due:
            self.tell(Event.TIMEOUT)

    def wait(self) -> "Walkway":
        due = deadline(self.taken.lane, TIMERS)
        assert due is not None
        self.now = due
        return self.tell(Event.TIMEOUT)

    @property
    def state(self) -> State:
        return self.taken.lane.state

    @property
    def commands(self) -> tuple[Command, ...]:
        return self.taken.commands


def released() -> Walkway:
    return Walkway().tell(Event.CLEARED).sense("-closed")


def test_a_traveller_passes() -> None:
    lane = Walkway().tell(Event.CLEARED)
    assert lane.commands == (Command.RELEASE, Command.SHOW_PROCEED, Command.SOUND_PROCEED)
    lane.sense("-closed", "entry")
    assert (lane.state, lane.commands) == (State.PASSING, (Command.COMMIT, Command.SHOW_PROCEED))
    lane.sense("-entry", "exit", "-exit")
    assert (lane.state, lane.commands) == (State.SECURING, (Command.SECURE, Command.SHOW_CLOSED))
    lane.sense("closed")
    assert (lane.state, lane.commands) == (State.STANDBY, (Command.SHOW_READY,))


def test_a_traveller_who_does_not_walk_has_the_code_given_back() -> None:
    lane = released().wait()
    assert (lane.state, lane.now) == (State.SECURING, 5.0)
    assert lane.commands == (Command.SECURE, Command.GIVE_BACK, Command.SHOW_CLOSED)


def test_a_traveller_who_stands_in_the_entry_beam_already_has_entered_when_cleared() -> None:
    lane = Walkway().sense("entry")
    assert (lane.state, lane.commands) == (State.STANDBY, ())
    lane.tell(Event.CLEARED)
    assert lane.state is State.PASSING
    assert lane.commands[0] is Command.RELEASE
    assert Command.COMMIT in lane.commands
    assert lane.sense("-closed", "-entry", "exit", "-exit").state is State.SECURING


def test_one_who_stepped_in_and_back_before_a_secured_barrier_is_served_like_any_other() -> None:
    lane = Walkway().sense("entry", "-entry").tell(Event.CLEARED)
    assert lane.state is State.RELEASED
    lane.sense("-closed", "entry")
    assert (lane.state, lane.commands) == (State.PASSING, (Command.COMMIT, Command.SHOW_PROCEED))


def test_one_who_may_be_inside_and_does_not_walk_keeps_the_barrier_from_securing() -> None:
    lane = Walkway().sense("entry", "-entry").tell(Event.CLEARED).sense("-closed").wait()
    assert lane.commands == (Command.HOLD, Command.GIVE_BACK, Command.SHOW_CLOSED)
    assert lane.wait().state is State.OUT_OF_SERVICE
    assert lane.commands[0] is Command.HOLD


def test_one_who_was_inside_already_and_leaves_was_the_passage() -> None:
    lane = Walkway().sense("entry", "-entry").tell(Event.CLEARED).sense("-closed", "exit", "-exit")
    assert (lane.state, lane.commands) == (State.SECURING, (Command.SECURE, Command.COMMIT, Command.SHOW_CLOSED))


def test_one_who_leaves_after_a_no_show_is_an_alarm_and_secured_behind() -> None:
    lane = Walkway().sense("entry", "-entry").tell(Event.CLEARED).sense("-closed").wait().sense("exit", "-exit")
    assert (lane.state, lane.commands) == (State.SECURING, (Command.SECURE, Command.ALARM))


def test_one_who_stays_inside_leaves_the_barrier_free() -> None:
    lane = released().sense("entry", "-entry").wait()
    assert (lane.state, lane.now, lane.commands[0]) == (State.OUT_OF_SERVICE, 15.0, Command.HOLD)
    lane.sense("exit", "-exit")
    assert (lane.state, lane.commands) == (State.OUT_OF_SERVICE, (Command.SECURE,))
    lane.sense("closed", "officer")
    assert lane.state is State.STANDBY


def test_a_second_person_behind_the_first_is_an_alarm_with_the_barrier_free() -> None:
    lane = released().sense("entry", "-entry", "exit", "entry")
    assert (lane.state, lane.commands[0]) == (State.OUT_OF_SERVICE, Command.HOLD)
    lane.sense("-exit", "-entry")
    assert lane.taken.lane.occupied
    lane.sense("exit", "-exit")
    assert lane.state is State.OUT_OF_SERVICE
    assert Command.SECURE not in lane.commands
    assert lane.sense("officer").commands[0] is Command.SECURE


def test_an_arm_or_a_bag_before_the_exit_is_reached_is_the_same_person() -> None:
    assert released().sense("entry", "-entry", "entry", "-entry", "exit").state is State.PASSING


def test_somebody_who_comes_while_it_secures_stops_it() -> None:
    lane = released().sense("entry", "-entry", "exit", "-exit", "entry")
    assert (lane.state, lane.commands[0]) == (State.OUT_OF_SERVICE, Command.HOLD)


def test_somebody_at_the_entry_while_another_stands_in_the_exit_is_no_bag() -> None:
    lane = Walkway().sense("entry", "-entry").tell(Event.CLEARED).sense("-closed").wait().sense("exit", "entry")
    assert (lane.state, lane.commands[0]) == (State.OUT_OF_SERVICE, Command.HOLD)


def test_a_bag_that_follows_its_owner_out_is_let_out() -> None:
    lane = released().sense("entry", "-entry", "exit", "-exit", "exit")
    assert (lane.state, lane.commands) == (State.PASSING, (Command.HOLD, Command.SHOW_PROCEED))
    assert lane.sense("-exit").commands == (Command.SECURE, Command.SHOW_CLOSED)


def test_a_barrier_that_does_not_close_calls_an_officer_and_is_not_pushed() -> None:
    lane = released().wait().wait()
    assert (lane.state, lane.commands[0]) == (State.OUT_OF_SERVICE, Command.HOLD)


def test_a_turnstile_that_nobody_pushed_is_closed_at_once() -> None:
    lane = Walkway().tell(Event.CLEARED).wait()
    assert lane.state is State.STANDBY
    assert lane.commands == (Command.SECURE, Command.GIVE_BACK, Command.SHOW_CLOSED, Command.SHOW_READY)


def test_a_refused_traveller_is_referred_for_a_while_or_until_an_officer_comes() -> None:
    assert Walkway().tell(Event.REFUSED).commands == (Command.SHOW_REFERRED, Command.SOUND_REFERRED)
    assert Walkway().tell(Event.REFUSED).wait().state is State.STANDBY
    assert Walkway().tell(Event.REFUSED).sense("officer").state is State.STANDBY


def test_one_who_gets_past_a_secured_barrier_is_an_alarm() -> None:
    lane = Walkway().sense("entry", "-entry", "exit", "-exit")
    assert (lane.state, lane.commands[0]) == (State.REFERRED, Command.ALARM)
    assert lane.sense("exit", "-exit").commands == (Command.ALARM, Command.SOUND_ALARM)


def test_a_secured_barrier_that_was_pushed_open_is_an_alarm() -> None:
    assert Walkway().sense("-closed", "closed").commands == (Command.ALARM,)
    assert Walkway().tell(Event.REFUSED).sense("-closed", "closed").commands == (Command.ALARM,)


def test_a_fault_before_anybody_walked_secures_and_gives_back() -> None:
    lane = released().tell(Event.FAULT)
    assert lane.commands[:2] == (Command.SECURE, Command.GIVE_BACK)
    assert lane.tell(Event.FAULT).commands == ()


def test_a_fault_while_somebody_is_inside_does_not_secure() -> None:
    assert released().sense("entry", "-entry").tell(Event.FAULT).commands[0] is Command.HOLD


def test_fire_gives_back_what_was_not_used_and_waits_for_the_loop_and_an_officer() -> None:
    lane = released().sense("fire")
    assert lane.commands == (Command.HOLD, Command.GIVE_BACK, Command.SHOW_EVACUATE, Command.SOUND_ALARM)
    lane.sense("entry", "-entry", "exit", "-exit", "officer")
    assert lane.state is State.EVACUATION
    lane.sense("-officer", "-fire")
    assert lane.state is State.EVACUATION
    assert lane.sense("officer").commands == (Command.SECURE, Command.SHOW_CLOSED)


def test_an_officers_key_at_standby_says_that_nobody_is_inside() -> None:
    lane = Walkway().sense("entry", "-entry")
    assert lane.taken.lane.occupied
    assert not lane.sense("officer").taken.lane.occupied


# The page.


def test_the_page_holds_exactly_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(machine.__file__, run_name="__main__")
    printed = capsys.readouterr().out
    text = Path(machine.__file__).with_name("LANE.md").read_text(encoding="utf-8")
    drawn = text.partition("<!-- drawn: python -m gate.lane.machine -->\n")[2].partition("<!-- end -->\n")[0]
    assert drawn == printed


def test_the_page_tells_the_laws_of_the_module() -> None:
    text = Path(machine.__file__).with_name("LANE.md").read_text(encoding="utf-8")
    laws = (machine.__doc__ or "").partition("\n\n1. ")[2].partition("\n\n")[0]
    assert " ".join(laws.split()) in " ".join(text.split())


def test_the_page_shows_every_row_and_condition() -> None:
    drawn = page()
    for (state, event), row in TABLE.items():
        assert row.when is When.ALWAYS or f"| {state} | {event} | {row.when} | {row.state} |" in drawn
        assert row.state is state or f"{state} --> {row.state} : {event}" in drawn
    assert "securing --> out_of_service : entered" in drawn  # what is otherwise


def test_the_laws_are_numbered_in_order() -> None:
    numbers = [int(line[0]) for line in (machine.__doc__ or "").splitlines() if line[:2].rstrip(".").isdigit()]
    assert all(after == before + 1 for before, after in pairwise(numbers))
    assert numbers[-1] == 8


# What the laws alone do not tell apart: found by breaking the table (`.ci/mutation`).


def test_law_2_no_row_of_one_who_enters_or_of_a_passage_out_of_time_would_secure() -> None:
    for (state, event), row in TABLE.items():
        in_the_way = event is Event.ENTERED or (state in (State.PASSING, State.SECURING) and event is Event.TIMEOUT)
        for each in (row, row.otherwise):
            assert each is None or not in_the_way or Command.SECURE_IF_CLEAR not in each.commands


def test_law_2_one_passage_goes_on_while_it_secures_for_the_exit_beam_alone() -> None:
    for lane, event, inputs in CASES:
        if (lane.state, event) == (State.SECURING, Event.ENTERED):
            passing = step(lane, event, inputs, 101.0).lane.state is State.PASSING
            assert passing == (inputs.exit and not inputs.entry)


def test_one_who_gets_past_a_secured_barrier_is_told_and_heard() -> None:
    lane = Walkway().sense("entry", "-entry", "exit", "-exit")
    assert lane.commands == (Command.ALARM, Command.SHOW_REFERRED, Command.SOUND_ALARM)
