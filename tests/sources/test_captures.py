"""Capture files: reading, writing, and one order for the messages of several."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from polyfeed.dialects._base.inbound import BookMessage, TradeMessage
from polyfeed.dialects.kraken.inbound import KrakenInbound
from polyfeed.model.enums import Detail
from polyfeed.sources.capture_source import CaptureSource
from polyfeed.sources.captures import Frame, read_frames, shipped_captures
from polyfeed.sources.pairs import instruments_of, read_pairs
from polyfeed.sources.recorder import CaptureWriter
from polyfeed.sources.timeline import Timeline
from tests.sources.rig import by_symbol

LINE = '{"t": 1617666423.123373, "dir": "c2s", "m": "{\\"event\\":\\"ping\\"}"}\n'


def test_a_line_of_the_format(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(LINE)
    assert list(read_frames(path)) == [Frame(1617666423123373, False, '{"event":"ping"}')]


def test_the_writer_writes_that_line(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    with CaptureWriter(path) as capture:
        capture.write(1617666423123373, "c2s", '{"event":"ping"}')
    assert path.read_text() == LINE


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    frames = [Frame(1_000_007, True, "ein Euro: 1 €\n\x00"), Frame(1_000_008, False, ""), Frame(2**50, True, '"')]
    with CaptureWriter(tmp_path / name) as capture:
        for frame in frames:
            capture.write(frame.ts, "s2c" if frame.from_server else "c2s", frame.text)
    assert list(read_frames(tmp_path / name)) == frames
    assert (tmp_path / name).read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_a_flushed_recording_survives_a_sudden_end(tmp_path: Path, name: str) -> None:
    capture = CaptureWriter(tmp_path / name)
    capture.write(1, "s2c", "first")
    capture.flush()
    (tmp_path / f"cut_{name}").write_bytes((tmp_path / name).read_bytes())
    capture.close()
    assert [frame.text for frame in read_frames(tmp_path / f"cut_{name}")] == ["first"]


def test_a_line_cut_short_ends_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_text(LINE + LINE[:30])
    assert len(list(read_frames(path))) == 1


@pytest.mark.parametrize(
    "bad", ["{}", "nonsense", '{"t": 1, "dir": "up", "m": ""}', '{"t": "1", "dir": "s2c", "m": ""}']
)
def test_a_line_that_is_none_is_named(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f"{LINE}{bad}\n{LINE}")
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 2: "):
        list(read_frames(path))


def test_the_shipped_captures() -> None:
    counts = [len(list(read_frames(path))) for path in shipped_captures()]
    assert counts == [14_637, 143]
    licence = shipped_captures()[0].parent / "LICENSE.cryptofeed"
    assert "Bryant Moscon" in licence.read_text()


def test_in_engine_time_each_trade_stands_right_before_its_effect() -> None:
    moments = list(Timeline(shipped_captures(), KrakenInbound))
    assert len(moments) == 14_506 + 12
    trades = effects = 0
    for at, moment in enumerate(moments):
        if not isinstance(moment.message, TradeMessage):
            continue
        trades += len(moment.message.trades)
        effect = moments[at + 1].message
        assert isinstance(effect, BookMessage)
        assert effect.symbol == moment.message.symbol
        taken = [level for level in effect.levels if not level.republished]
        assert [level.price for level in taken] == [trade.price for trade in moment.message.trades]
        lags = [level.ts - trade.ts for level, trade in zip(taken, moment.message.trades, strict=True)]
        assert set(lags) <= {0, 1}
        effects += lags.count(0)
    assert (trades, effects) == (28, 27)


def test_the_messages_of_one_file_keep_their_order() -> None:
    inbound = KrakenInbound()
    received = [inbound.receive(frame.text) for frame in read_frames(shipped_captures()[0]) if frame.from_server]
    played = [moment.message for moment in Timeline(shipped_captures(), KrakenInbound)]
    assert [m for m in played if isinstance(m, BookMessage)] == [m for m in received if isinstance(m, BookMessage)]


def test_two_channels_of_one_connection_are_put_in_order(tmp_path: Path) -> None:
    """A server may send the book's change before the trade that made it."""
    path = tmp_path / "both.jsonl"
    with CaptureWriter(path) as capture:
        capture.write(1, "s2c", '[1,{"as":[["2.00000","5.00000000","10.000000"]],"bs":[]},"book-10","XBT/USD"]')
        capture.write(2, "s2c", '{"event":"heartbeat"}')
        capture.write(3, "s2c", '[1,{"a":[["2.00000","4.00000000","11.000000"]],"c":"1"},"book-10","XBT/USD"]')
        capture.write(4, "s2c", '[2,[["2.00000","1.00000000","11.000000","b","m",""]],"trade","XBT/USD"]')
        capture.write(5, "c2s", '[3,"what a client sends is not the exchange\'s word"]')
    kinds = [type(moment.message) for moment in Timeline([path], KrakenInbound)]
    assert kinds == [BookMessage, TradeMessage, BookMessage]


def test_a_recording_can_be_played(tmp_path: Path) -> None:
    """The round trip: what the recorder writes is a capture like the shipped one."""
    paths = [tmp_path / f"{number}.jsonl.gz" for number in range(2)]
    for source, path in zip(shipped_captures(), paths, strict=True):
        with CaptureWriter(path) as capture:
            for frame in read_frames(source):
                capture.write(frame.ts, "s2c" if frame.from_server else "c2s", frame.text)
        assert gzip.decompress(path.read_bytes()).count(b"\n") == len(list(read_frames(source)))
    instruments = by_symbol(instruments_of(read_pairs(), Detail.LEVELS), ["XBT/USD"])
    played, shipped = (
        CaptureSource(Timeline(files, KrakenInbound), instruments, 2, speed=100, loop=False)
        for files in (paths, shipped_captures())
    )
    batches = shipped.step(1) + shipped.step(1 + 10**9)
    assert len(batches) > 500
    assert played.step(1) + played.step(1 + 10**9) == batches
