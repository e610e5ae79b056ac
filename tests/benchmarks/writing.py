"""
Stream history into Prometheus in the order of time, as if it had been recorded live, through its remote-write receiver.

Series that end get a staleness marker, which no file format for whole blocks can hold: without it every finished pod
would be there for five minutes more. Messages are put together by hand, half an hour of a series in each: a protobuf
library would take most of the time.
"""

import http.client
import struct
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from series import Moving, Series
from sessions import AGE, BEFORE, DAY, END, MINUTE, Session

STRETCH = 30 * MINUTE  # Prometheus takes what is up to an hour older than the newest
LARGEST_MESSAGE = 4 * 2**20
STALE = struct.pack("<Q", 0x7FF0000000000002)


@dataclass(frozen=True, slots=True)
class Cadence:
    """
    How often some series get a sample, and what is told of a session by them.

    Attributes:
        step: seconds from one sample to the next.
        age: how much older than its sample what the sample tells is; 0 for what is scraped.
        series: what there is of a session.
    """

    step: int
    age: int
    series: Callable[[Session], list[Series]]

    def times(self, begin: int, end: int) -> tuple[int, list[int]]:
        """Return the number of the first sample whose sighting lies in the stretch, and the sightings."""
        first = -(-(begin + AGE) // self.step)
        return first, [number * self.step - AGE for number in range(first, (end + AGE - 1) // self.step + 1)]


@dataclass(slots=True)
class _Running:
    """A session as long as it has samples to come: its encoded labels, and which samples it has."""

    series: list[tuple[bytes, Series]]
    first: int
    last: int


@dataclass(slots=True)
class _Stretch:
    """The samples of half an hour at one cadence, ready to be cut to a session's life."""

    first: int
    sightings: list[int]
    age: int
    tails: list[bytes] = field(init=False)
    moving: dict[Moving, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.tails = [b"\x10" + _varint((sighting + self.age) * 1000) for sighting in self.sightings]
        self.moving = {
            kind: b"".join(
                _sample_of(kind.at(float(sighting))) + tail
                for sighting, tail in zip(self.sightings, self.tails, strict=True)
            )
            for kind in Moving
        }

    def samples(self, value: float | Moving, low: int, high: int) -> bytes:
        """Return the samples from number *low* to before *high*."""
        low, high = low - self.first, high - self.first
        if low >= high:
            return b""
        if isinstance(value, Moving):
            whole = self.moving[value]
            size = len(whole) // len(self.tails)
            return whole[low * size : high * size]
        sample = _sample_of(value)
        return sample + sample.join(self.tails[low:high])

    def stale(self, number: int) -> bytes:
        """Return the marker after which a series is no more."""
        return b"\x12\x10\x09" + STALE + self.tails[number - self.first]


def stream(
    address: str,
    history: Sequence[Session],
    days: int,
    always: Sequence[Series],
    cadences: Sequence[Cadence],
    say: Callable[[str], None],
) -> int:
    """
    Write *history* to the Prometheus at host:port *address*.

    Args:
        address: where to.
        history: in the order of starts.
        days: how long it is, besides what is written before.
        always: series that are there all the time, at the first cadence.
        cadences: what is written of each session, and how often.
        say: told now and then how far it is.

    Returns:
        How many samples there are.
    """
    count, told = 0, time.monotonic()
    begin = END - days * DAY - BEFORE
    with _Sender(address) as sender:
        waiting: list[list[_Running]] = [[] for _ in cadences]
        coming = 0
        for since in range(begin, END, STRETCH):
            until = min(since + STRETCH, END)
            new = []
            while coming < len(history) and history[coming].start < until:
                new.append(history[coming])
                coming += 1
            for number, cadence in enumerate(cadences):
                stretch = _Stretch(*cadence.times(since, until), cadence.age)
                end = stretch.first + len(stretch.sightings)
                waiting[number] += (_enter(session, cadence) for session in new)
                if number == 0:
                    for each in always:
                        sender.add(_message(_labels(each), stretch.samples(each.value, stretch.first, end)))
                        count += end - stretch.first
                for running in waiting[number]:
                    low, high = max(running.first, stretch.first), min(running.last + 1, end)
                    ends = stretch.first <= running.last + 1 < end
                    for labels, series in running.series:
                        samples = stretch.samples(series.value, low, high)
                        if ends:
                            samples += stretch.stale(running.last + 1)
                        if samples:
                            sender.add(_message(labels, samples))
                    count += len(running.series) * (max(0, high - low) + ends)
                waiting[number] = [running for running in waiting[number] if running.last + 1 >= end]
            if time.monotonic() - told > 10:
                told = time.monotonic()
                say(f"{(until - begin) / (END - begin):4.0%} of {days} days, {count / 1e6:.0f} million samples")
    return count


class _Sender:
    """Sends messages in their order while the next ones are made; a refusal ends it."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=300)
        self._thread = ThreadPoolExecutor(1)
        self._under_way: Future[None] | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def __enter__(self) -> "_Sender":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._send()
            self._wait()
        self._thread.shutdown()
        self._connection.close()

    def add(self, message: bytes) -> None:
        self._parts.append(message)
        self._size += len(message)
        if self._size > LARGEST_MESSAGE:
            self._send()

    def _send(self) -> None:
        self._wait()
        if self._parts:
            self._under_way = self._thread.submit(self._post, b"".join(self._parts))
            self._parts, self._size = [], 0

    def _wait(self) -> None:
        if self._under_way is not None:
            self._under_way.result()
            self._under_way = None

    def _post(self, request: bytes) -> None:
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        self._connection.request("POST", "/api/v1/write", _snappy(request), headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status // 100 != 2:
            raise RuntimeError(f"Prometheus refused history: {answer.status} {told.decode(errors='replace')[:300]}")


def _enter(session: Session, cadence: Cadence) -> _Running:
    """*session* with its encoded labels and the numbers of its first and last sample."""
    first = -(-(session.start + AGE) // cadence.step)
    last = (session.end + AGE - 1) // cadence.step
    return _Running([(_labels(each), each) for each in cadence.series(session)], first, last)


def _labels(series: Series) -> bytes:
    parts = []
    for name, value in sorted(series.labels.items()):
        pair = b"\x0a" + _text(sys.intern(name)) + b"\x12" + _text(value)
        parts.append(b"\x0a" + _varint(len(pair)) + pair)
    return b"".join(parts)


def _message(labels: bytes, samples: bytes) -> bytes:
    """One series of a request."""
    return b"\x0a" + _varint(len(labels) + len(samples)) + labels + samples


def _sample_of(value: float) -> bytes:
    """A sample up to its time, which takes six bytes in this century."""
    return b"\x12\x10\x09" + struct.pack("<d", value)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _varint(len(encoded)) + encoded


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _snappy(content: bytes) -> bytes:
    """*content* in snappy's format, but not made smaller: nothing leaves this machine."""
    return _varint(len(content)) + b"\xfc" + struct.pack("<I", len(content) - 1) + content
