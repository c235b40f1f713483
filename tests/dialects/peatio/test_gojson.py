"""Go's words for what is no JSON: those that were seen, and those of its scanner's source."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.dialects.peatio.gojson import GoError, decode_object

CASES = {
    "{bad": "invalid character 'b' looking for beginning of object key string",
    "pingfoo": "invalid character 'p' looking for beginning of value",
    "": "unexpected end of JSON input",
    "{": "unexpected end of JSON input",
    '{"a"': "unexpected end of JSON input",
    '{"a" 1}': "invalid character '1' after object key",
    '{"a":1 2}': "invalid character '2' after object key:value pair",
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
    '{"a":}': "invalid character '}' looking for beginning of value",
    "[1 2]": "invalid character '2' after array element",
    "[1,]": "invalid character ']' looking for beginning of value",
    "{}x": "invalid character 'x' after top-level value",
    '"a\tb"': "invalid character '\\t' in string literal",
    '"a\\x"': "invalid character 'x' in string escape code",
    '"\\u12g4"': "invalid character 'g' in \\u hexadecimal character escape",
    "-x": "invalid character 'x' in numeric literal",
    "01": "invalid character '1' after top-level value",
    "1.x": "invalid character 'x' after decimal point in numeric literal",
    "1e+x": "invalid character 'x' in exponent of numeric literal",
    "trUe": "invalid character 'U' in literal true (expecting 'u')",
    "nul": "unexpected end of JSON input",
    "{'a':1}": "invalid character '\\'' looking for beginning of object key string",
    "NaN": "invalid character 'N' looking for beginning of value",
    "é": "invalid character 'Ã' looking for beginning of value",
    "[1]": "json: cannot unmarshal array into Go value of type map[string]interface {}",
    "1": "json: cannot unmarshal number into Go value of type map[string]interface {}",
    "true": "json: cannot unmarshal bool into Go value of type map[string]interface {}",
    '{"a":1e999}': "json: cannot unmarshal number 1e999 into Go value of type float64",
}


@pytest.mark.parametrize("text", CASES)
def test_words(text: str) -> None:
    with pytest.raises(GoError) as caught:
        decode_object(text)
    assert str(caught.value) == CASES[text]


def test_null_is_an_empty_object() -> None:
    assert decode_object("null") == {}


def test_depth() -> None:
    with pytest.raises(GoError, match="exceeded max depth"):
        decode_object('{"a":' + "[" * 60_000)


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_always_words_or_an_object(text: str) -> None:
    try:
        found = decode_object(text)
    except GoError as error:
        assert str(error)
    else:
        assert found == (json.loads(text) or {})


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(), st.integers() | st.text()).map(json.dumps), st.data())
def test_damaged_objects(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    try:
        decode_object(text[:place] + data.draw(st.sampled_from('{}[]",:x\\ \x01')) + text[place + 1 :])
    except GoError as error:
        assert str(error)
