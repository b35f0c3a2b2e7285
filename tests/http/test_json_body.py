"""Bounds of a JSON body, before anything else sees it."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.errors import ValidationFailedError
from rcu.http.errors import BodyTooLargeError, MalformedRequestError
from rcu.http.json_body import MAX_STRING_LENGTH, JsonLimits, gunzip, read_json

LIMITS = JsonLimits(max_bytes=1 << 20, max_depth=12, max_keys=1000)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def refusal(body: bytes, limits: JsonLimits = LIMITS) -> tuple[str, str]:
    """Return field and code of the refusal of `body`."""
    with pytest.raises(ValidationFailedError) as refused:
        read_json(body, limits)
    error = refused.value.errors[0]
    return error.field, error.code


@given(VALUES, st.booleans())
def test_what_is_within_bounds_reads_as_json_does(value: Any, escaped: bool) -> None:
    body = json.dumps(value, ensure_ascii=escaped, indent=1).encode()

    assert read_json(body, JsonLimits(1 << 20, 100, 1000)) == json.loads(body)


@pytest.mark.parametrize("body", [b"{", b"NaN", b"{'a':1}", b"\xff", b'"\0"', b"[" * 5000, b"1 2"])
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        read_json(body, LIMITS)


def test_depth_is_bounded() -> None:
    assert read_json(b"[" * 12 + b"]" * 12, LIMITS) is not None

    assert refusal(b"[" * 13 + b"]" * 13) == ("", "too_deep")


def test_many_shallow_objects_are_not_deep() -> None:
    assert read_json(json.dumps([{"a": [1]}] * 100).encode(), LIMITS) is not None


def test_the_number_of_members_is_bounded() -> None:
    assert read_json(json.dumps({str(n): n for n in range(1000)}).encode(), LIMITS) is not None

    assert refusal(json.dumps({str(n): n for n in range(1001)}).encode()) == (
        "",
        "too_many_members",
    )


def test_colons_in_strings_are_no_members() -> None:
    assert read_json(json.dumps({"note": ":" * 5000}).encode(), LIMITS) is not None


@pytest.mark.parametrize("character", ["x", '"', "\\", "é", "\n", "😀"])
@pytest.mark.parametrize("are_escaped", [True, False])
def test_a_long_string_is_refused_at_its_place(character: str, are_escaped: bool) -> None:
    note = character * (MAX_STRING_LENGTH + 1)
    sent = {"attributes": [{"name": 'a "b" \\', "note": note, "more": '"'}]}
    body = json.dumps(sent, ensure_ascii=are_escaped).encode()

    assert refusal(body) == ("/attributes/0/note", "string_too_long")


def test_many_strings_that_are_not_long_are_read() -> None:
    sent = {"notes": ['a "b" \\'] * MAX_STRING_LENGTH}

    assert read_json(json.dumps(sent).encode(), LIMITS) == sent


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (rb'{"family_name":"Du\u0000pont"}', "/family_name"),
        (rb'{"phones":["1",{"value":"\u0000"}]}', "/phones/1/value"),
        (rb'{"a":{"b\u0000":1}}', "/a/*"),
    ],
)
def test_nul_is_refused_at_its_place(body: bytes, place: str) -> None:
    assert refusal(body) == (place, "nul")


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert read_json(rb'{"path":"C:\\u0000"}', LIMITS) == {"path": r"C:\u0000"}


@pytest.mark.parametrize("half", [rb"\ud83d", rb"\uDE00", rb"\ud83dx\ude00"])
def test_half_a_character_is_refused_at_its_place(half: bytes) -> None:
    assert refusal(b'{"given_name":"' + half + b'"}') == ("/given_name", "lone_surrogate")


def test_a_whole_escaped_character_is_read() -> None:
    assert read_json(rb'"\ud83d\ude00"', LIMITS) == "😀"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"a":1,"a":2}', "/a"),
        (b'{"a":1,"\\u0061":2}', "/a"),
        (b'[{"x":{"b":1, "c":{}, "b":null}}]', "/0/x/b"),
    ],
)
def test_a_key_given_twice_is_refused(body: bytes, place: str) -> None:
    assert refusal(body) == (place, "duplicate_key")


def test_a_colon_written_as_an_escape_is_no_duplicate() -> None:
    assert read_json(rb'{"at":"10\u003a20"}', LIMITS) == {"at": "10:20"}


@given(st.binary(max_size=2000), st.integers(1, 3))
def test_gzip_is_undone_in_one_piece_or_several(body: bytes, pieces: int) -> None:
    assert gunzip(gzip.compress(body) * pieces, max_bytes=10_000) == body * pieces


def test_a_gzip_bomb_is_stopped_early() -> None:
    bomb = gzip.compress(bytes(200 << 20))
    tracemalloc.start()

    with pytest.raises(BodyTooLargeError):
        gunzip(bomb, max_bytes=1 << 20)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_gzip_bomb_in_pieces_is_stopped_too() -> None:
    with pytest.raises(BodyTooLargeError):
        gunzip(gzip.compress(bytes(600_000)) * 2, max_bytes=1 << 20)


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"x" * 99, mtime=0)[:-9], b""])
def test_what_is_no_whole_gzip_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        gunzip(body, max_bytes=1 << 20)
