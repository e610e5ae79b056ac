"""What is said when nothing happens."""

import pytest

from jupyterhub_spawn_progress import Message, default_table
from jupyterhub_spawn_progress.narrator import Narrator
from jupyterhub_spawn_progress.patience import Said, duration, patience

TABLE = default_table()
MACHINE = Said(Message("A new machine is being started.", 25, "machine"), at=10)


def said_at(now, *story, every=45):
    message = patience(story, now, every=every, began=0, table=TABLE)
    return message.text if message else None


def test_silence_is_bearable_for_a_while():
    """Nothing is said before its time."""
    assert said_at(54, MACHINE) is None


def test_what_for_and_how_long():
    """The phase says what is being waited for."""
    expected = "The new machine is still starting (45 seconds so far). This usually takes 2 to 8 minutes."

    assert expected == said_at(55, MACHINE)


def test_less_and_less_often():
    """Every time after twice as long."""
    narrator = Narrator(TABLE, began=0, patience_seconds=45)

    times = [now for now in range(1000) if narrator.look([], None, now)[0]]

    assert [45, 45 + 90, 45 + 90 + 180, 45 + 90 + 180 + 360] == times


def test_nothing_at_all_has_happened():
    """A start that waits behind a gate has no event."""
    assert said_at(50).startswith("Your server is still being prepared (50 seconds so far).")


def test_hooks_do_not_change_what_is_waited_for():
    """A message without a phase is about something else."""
    hook = Said(Message("You have used 5 GiB-hours."), at=20)

    assert said_at(70, MACHINE, hook).startswith("The new machine is still starting (1 minute so far).")


def test_off():
    """0 turns it off."""
    assert said_at(1000, MACHINE, every=0) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 second"), (1, "1 second"), (45, "45 seconds"), (60, "1 minute"), (89, "1 minute"), (300, "5 minutes")],
)
def test_duration(seconds, text):
    """As people say it."""
    assert text == duration(seconds)
