"""Messages for a broker: their order, how many are under way at once, and which are kept when too many wait."""

from __future__ import annotations

import pytest

from edgetrack.io._outbox import AT_ONCE, Message, Outbox


class Library:
    """Stands in for the library for MQTT: keeps what it is given."""

    def __init__(self) -> None:
        self.connected = False
        self.given: list[Message] = []


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def outbox(library: Library) -> Outbox:
    return Outbox(library.given.append, lambda: library.connected, limit=30)


def test_nothing_is_published_before_the_connection_is_accepted(library: Library, outbox: Outbox) -> None:
    outbox.put("events", b"1")
    assert library.given == []
    library.connected = True
    outbox.enter()
    assert library.given == [Message("events", b"1", retain=False)]


def test_the_library_is_given_more_when_a_message_is_confirmed(library: Library, outbox: Outbox) -> None:
    library.connected = True
    for number in range(25):
        outbox.put("events", b"%d" % number)
    assert len(library.given) == 1
    outbox.confirm()
    assert len(library.given) == 1 + AT_ONCE
    for _ in range(24):
        outbox.confirm()
    assert [message.payload for message in library.given] == [b"%d" % number for number in range(25)]
    assert outbox.undelivered == 0
    outbox.put("events", b"25")
    assert library.given[-1].payload == b"25"


def test_a_reconnection_adds_nothing_to_what_the_library_sends_again(
    library: Library, outbox: Outbox
) -> None:
    library.connected = True
    outbox.put("events", b"0")
    library.connected = False
    outbox.leave()
    outbox.put("events", b"1")
    library.connected = True
    outbox.enter()
    assert [message.payload for message in library.given] == [b"0"]
    outbox.confirm()
    assert [message.payload for message in library.given] == [b"0", b"1"]


def test_events_beyond_the_limit_are_dropped_and_counted(library: Library, outbox: Outbox) -> None:
    for number in range(33):
        outbox.put("events", b"%d" % number)
    assert outbox.undelivered == 33
    library.connected = True
    outbox.enter()
    for _ in range(30):
        outbox.confirm()
    assert [message.payload for message in library.given] == [b"%d" % number for number in range(30)]
    assert outbox.undelivered == 3


def test_beyond_the_limit_the_newest_state_of_a_topic_replaces_older_ones(
    library: Library, outbox: Outbox
) -> None:
    for number in range(100):
        outbox.retain("state", b"%d" % number)
    outbox.retain("other/state", b"on")
    assert outbox.undelivered <= 31
    library.connected = True
    outbox.enter()
    for _ in range(outbox.undelivered):
        outbox.confirm()
    assert library.given[-2:] == [
        Message("state", b"99", retain=True),
        Message("other/state", b"on", retain=True),
    ]


def test_after_an_outage_states_come_first_and_in_their_newest_form(library: Library, outbox: Outbox) -> None:
    outbox.retain("available", b"online")
    outbox.put("events", b"1")
    assert outbox.leave()
    assert not outbox.leave()
    for number in range(1000):
        outbox.retain("state", b"%d" % number)
    assert outbox.undelivered == 1
    outbox.put("events", b"2")
    library.connected = True
    outbox.enter()
    for _ in range(outbox.undelivered):
        outbox.confirm()
    assert [message.payload for message in library.given] == [b"online", b"999", b"1", b"2"]
