"""Each fault in each dialect's own terms, as a raw client of that dialect sees it; and that its neighbour sees nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from polyfeed.app.api.endpoints import Problem
from polyfeed.testing.venue import Polyfeed
from tests.faults.followers import FOLLOWERS, Follower

pytestmark = pytest.mark.polyfeed(agents=0)

QUIET = 0.15
"""Seconds in which nothing comes where nothing should."""

CHECKED = ["kraken", "bitstamp", "peatio", "ekiden"]


class Client:
    """A follower at its socket."""

    def __init__(self, stack: ExitStack, venue: Polyfeed, dialect: str) -> None:
        self.follower: Follower = FOLLOWERS[dialect]()
        offered = [Subprotocol(f"authorization#{venue.user('demo').token('rails')}")] if dialect == "rails" else None
        known = {one.id for one in venue.connections(dialect)}
        url = venue.ports[dialect].ws_url + self.follower.path
        self.socket: ClientConnection = stack.enter_context(
            connect(url, subprotocols=offered, ping_interval=None, close_timeout=QUIET)
        )
        self.id = venue.wait(lambda: [one.id for one in venue.connections(dialect) if one.id not in known])[0]
        self.follower.subscribe(self.socket)
        venue.wait(lambda: [one for one in venue.connections(dialect) if one.id == self.id and one.subscriptions])

    @property
    def texts(self) -> list[str]:
        return self.follower.texts

    def read(self, count: int) -> None:
        """Reads until so many deltas have come."""
        while len(self.texts) < count:
            self.follower.hear(str(self.socket.recv(10)))

    def hears_nothing(self) -> bool:
        """Whether nothing comes, and a ping is not answered."""
        pong = self.socket.ping()
        try:
            self.socket.recv(QUIET)
        except TimeoutError:
            return not pong.is_set()
        return False


def trade(venue: Polyfeed, *prices: int) -> None:
    """An order at each price, which makes one delta on each of the channels."""
    for price in prices:
        venue.place("BTC-USD", "buy", price=str(price), size="1")


@pytest.fixture(params=list(FOLLOWERS))
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stack(polyfeed: Polyfeed) -> Iterator[ExitStack]:
    """What closes the clients at the end of the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def pair(stack: ExitStack, polyfeed: Polyfeed, dialect: str) -> tuple[Client, Client]:
    """The patient and its neighbour, both of which have heard a delta."""
    patient, neighbour = Client(stack, polyfeed, dialect), Client(stack, polyfeed, dialect)
    trade(polyfeed, 40_001)
    patient.read(1)
    neighbour.read(1)
    return patient, neighbour


def test_a_dropped_delta(polyfeed: Polyfeed, dialect: str, pair: tuple[Client, Client]) -> None:
    patient, neighbour = pair
    polyfeed.fault(dialect, "drop", connection=patient.id)
    trade(polyfeed, 40_002, 40_003)
    patient.read(2)
    neighbour.read(3)
    assert patient.texts == [neighbour.texts[0], neighbour.texts[2]]
    if dialect in CHECKED:
        assert patient.follower.broken
    else:
        assert patient.follower.levels != neighbour.follower.levels  # type: ignore[attr-defined]
    assert not neighbour.follower.broken
    assert polyfeed.faults() == []
    recovers(polyfeed, patient, neighbour)


@pytest.mark.parametrize("dialect", CHECKED)
def test_a_wrong_checksum_or_number(polyfeed: Polyfeed, dialect: str, pair: tuple[Client, Client]) -> None:
    patient, neighbour = pair
    polyfeed.fault(dialect, "checksum", connection=patient.id)
    trade(polyfeed, 40_002)
    patient.read(2)
    neighbour.read(2)
    assert patient.follower.broken
    assert patient.texts[1] != neighbour.texts[1]
    assert not neighbour.follower.broken
    recovers(polyfeed, patient, neighbour)


def test_a_delta_twice(polyfeed: Polyfeed, dialect: str, pair: tuple[Client, Client]) -> None:
    patient, neighbour = pair
    polyfeed.fault(dialect, "duplicate", connection=patient.id)
    trade(polyfeed, 40_002, 40_003)
    patient.read(4)
    neighbour.read(3)
    first, second, third = neighbour.texts
    assert patient.texts == [first, second, second, third]
    assert not neighbour.follower.broken


def recovers(venue: Polyfeed, patient: Client, neighbour: Client) -> None:
    """Having subscribed anew, the patient hears what its neighbour hears, and all of it fits."""
    patient.follower.subscribe(patient.socket)
    said = len(neighbour.texts)
    venue.wait(lambda: len(next(one for one in venue.connections() if one.id == patient.id).subscriptions) == 1)
    mark(venue, patient)
    trade(venue, 40_004, 40_005)
    neighbour.read(said + 2)
    while patient.texts[-1] != neighbour.texts[-1]:  # Peatio's newcomers get increments that others had before
        patient.read(len(patient.texts) + 1)
    assert patient.texts[-2:] == neighbour.texts[said:]
    assert not patient.follower.broken


def mark(venue: Polyfeed, client: Client) -> None:
    """Returns when the server has heard all that the client has said: pongs come after what was said before."""
    assert client.socket.ping().wait(10)


def test_everything_late(polyfeed: Polyfeed, dialect: str, pair: tuple[Client, Client]) -> None:
    patient, neighbour = pair
    polyfeed.fault(dialect, "delay", connection=patient.id, ms=300)
    begun = time.monotonic()
    trade(polyfeed, 40_002)
    neighbour.read(2)
    patient.read(2)
    assert time.monotonic() - begun >= 0.3
    trade(polyfeed, 40_003)
    polyfeed.clear_faults()
    patient.read(3)
    neighbour.read(3)
    assert patient.texts == neighbour.texts


def test_silence(polyfeed: Polyfeed, dialect: str, pair: tuple[Client, Client]) -> None:
    patient, neighbour = pair
    polyfeed.fault(dialect, "silence", connection=patient.id)
    trade(polyfeed, 40_002, 40_003)
    neighbour.read(3)
    assert patient.hears_nothing()
    polyfeed.clear_faults()
    patient.read(3)
    assert patient.texts == neighbour.texts
    mark(polyfeed, patient)


def test_half_open(polyfeed: Polyfeed, dialect: str, pair: tuple[Client, Client]) -> None:
    patient, neighbour = pair
    polyfeed.fault(dialect, "half_open", connection=patient.id)
    trade(polyfeed, 40_002)
    neighbour.read(2)
    assert patient.hears_nothing()
    polyfeed.clear_faults()
    with pytest.raises(ConnectionClosed) as closed:
        patient.socket.recv(10)
    assert closed.value.rcvd is None
    mark(polyfeed, neighbour)


def test_a_restart(stack: ExitStack, polyfeed: Polyfeed, dialect: str, pair: tuple[Client, Client]) -> None:
    patient, neighbour = pair
    polyfeed.fault(dialect, "restart", connection=patient.id)
    notice = patient.follower.restart
    if notice is not None:
        while notice not in str(patient.socket.recv(10)):
            pass
    if dialect == "bitstamp":
        trade(polyfeed, 40_002)  # everything goes on until the client has come back
        patient.read(2)
    else:
        with pytest.raises(ConnectionClosed) as closed:
            patient.socket.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    again = Client(stack, polyfeed, dialect)
    trade(polyfeed, 40_003)
    again.read(1)
    neighbour.read(len(neighbour.texts) + 1)
    assert not neighbour.follower.broken


def test_maintenance(stack: ExitStack, polyfeed: Polyfeed) -> None:
    patient, neighbour = Client(stack, polyfeed, "kraken"), Client(stack, polyfeed, "kraken")
    polyfeed.fault("kraken", "maintenance", connection=patient.id)
    mark(polyfeed, patient)
    mark(polyfeed, neighbour)
    polyfeed.clear_faults()
    patient_said, neighbour_said = polyfeed.sent("kraken")
    statuses = [text for text in patient_said.texts if '"systemStatus"' in text]
    assert [text.partition('"status":"')[2].partition('"')[0] for text in statuses] == [
        "online", "maintenance", "online",
    ]  # fmt: skip
    assert sum('"systemStatus"' in text for text in neighbour_said.texts) == 1


@pytest.mark.parametrize(
    ("dialect", "kind", "says"),
    [
        ("rails", "checksum", "neither checksums nor numbers"),
        ("bitstamp", "maintenance", "no message for it"),
        ("peatio", "maintenance", "no message for it"),
        ("rails", "maintenance", "no message for it"),
        ("ekiden", "maintenance", "no message for it"),
    ],
)
def test_what_a_dialect_has_no_terms_for(
    stack: ExitStack, polyfeed: Polyfeed, dialect: str, kind: str, says: str
) -> None:
    Client(stack, polyfeed, dialect)
    with pytest.raises(Problem, match=says):
        polyfeed.fault(dialect, kind)


KINDS = ("drop", "duplicate", "checksum", "delay", "silence", "half_open", "restart")


def heard_by_neighbours(venue: Polyfeed, *, faulty: bool) -> dict[str, list[str]]:
    """What a client of each dialect is sent, beside one that has a fault of its own at each order."""
    with ExitStack() as stack:
        neighbours = {name: Client(stack, venue, name) for name in FOLLOWERS}
        for place, kind in enumerate(KINDS):
            for name in FOLLOWERS:
                patient = Client(stack, venue, name)
                if faulty and (name, kind) != ("rails", "checksum"):
                    venue.fault(name, kind, connection=patient.id, ms=5 if kind == "delay" else None)
            trade(venue, 40_010 + place)
        for one in neighbours.values():
            one.read(len(KINDS))
    return {name: one.texts for name, one in neighbours.items()}


@pytest.mark.polyfeed(agents=0, settings=["rails.limits=false"])
def test_a_neighbour_is_sent_what_it_would_be_without_any_fault(polyfeed: Polyfeed) -> None:
    """Byte for byte, beside faults of every kind on every dialect, as in a venue without any."""
    with Polyfeed(agents=0, settings=["rails.limits=false"]) as calm:
        assert heard_by_neighbours(polyfeed, faulty=True) == heard_by_neighbours(calm, faulty=False)
