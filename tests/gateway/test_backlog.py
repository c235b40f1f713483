"""A backlog beside a twin that never forgets: the same frames at the same places, whatever was dropped meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyfeed.gateway.backlog import CHUNK_BYTES, Backlog

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from((2, 100, 30_000, CHUNK_BYTES + 1))),
        st.tuples(st.just("forget"), st.integers(0, 40)),
        st.tuples(st.just("shrink"), st.sampled_from((0, 300, 100_000))),
        st.tuples(st.just("chunk"), st.integers(0, 40)),
        st.tuples(st.just("take"), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_every_frame_is_where_it_was_put(steps: list[tuple[str, int]]) -> None:
    backlog, all_frames = Backlog(), list[bytes]()
    for what, number in steps:
        start = backlog.start
        match what:
            case "append":
                frame = bytes([len(all_frames) % 256]) * number
                backlog.append(frame)
                all_frames.append(frame)
            case "forget":
                backlog.forget(min(number, len(all_frames)))
                assert backlog.start == max(start, min(number, len(all_frames)))
            case "shrink":
                backlog.shrink(number)
                assert backlog.bytes <= number // 2
                one_more = all_frames[backlog.start - 1 : backlog.start]
                assert backlog.start == start or backlog.bytes + len(one_more[0]) > number // 2, "and no more than that"
            case "chunk" if start <= number < len(all_frames):
                data, after = backlog.chunk(number)
                assert number < after <= len(all_frames)
                assert data == b"".join(all_frames[number:after])
                assert after == number + 1 or len(data) <= CHUNK_BYTES
                assert after == len(all_frames) or len(data) + len(all_frames[after]) > CHUNK_BYTES
                assert backlog.chunk(number)[0] is data, "made once for all that stand there"
            case "take":
                assert backlog.take() == b"".join(all_frames[start:])
                assert backlog.start == len(all_frames)
        assert backlog.end() == len(all_frames)
        assert backlog.bytes == sum(map(len, all_frames[backlog.start :]))
        for place in range(backlog.start, len(all_frames) + 1):
            assert backlog.after(place) == all_frames[place:]
        assert backlog.after(0) == all_frames[backlog.start :], "what is lost is left out"


def test_a_chunk_has_what_came_after_it_was_made() -> None:
    backlog = Backlog()
    backlog.append(b"one")
    assert backlog.chunk(0) == (b"one", 1)
    backlog.append(b"two")
    assert backlog.chunk(0) == (b"onetwo", 2)
    assert Backlog().after(0) == [], "backlogs share nothing"
