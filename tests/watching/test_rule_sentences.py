"""Sentences and rules: what is understood, that each rule prints as a sentence that is understood, and errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.errors import ConfigError
from edgetrack.watching import conditions as c
from edgetrack.watching.evaluate import evaluator_of
from edgetrack.watching.grammar import parse_condition
from edgetrack.watching.rule import Rule
from edgetrack.watching.sentence import CLAUSES, sentence_of
from edgetrack.watching.subject import Subject

PERSON, CAR = Subject("person"), Subject("red car", "the")


@pytest.mark.parametrize(
    ("sentence", "condition"),
    [
        ("tell me when a person stays near the red car for 10 seconds", c.Near(PERSON, CAR, for_s=10)),
        ("Let me know if a person is within 2 heights of the red car.", c.Near(PERSON, CAR, 2.0)),
        ("alert me as soon as any person appears", c.Present(PERSON)),
        ("warn me when the red car is gone for 2 minutes", c.Absent(CAR, 120)),
        ("a person in red enters the zone loading bay", c.Enters(Subject("person in red"), "loading bay")),
        ('a person exits the "way out"', c.Leaves(PERSON, "way out")),
        ("a person crosses the line gate going in", c.Crosses(PERSON, "gate", "in")),
        ("the red car drives faster than 2.5 heights per second", c.Faster(CAR, 2.5)),
        ("the red car moves faster than 1 pixel a second for 3 s", c.Faster(CAR, 1.0, "pixels", 3)),
        ("the red car goes against left", c.Heads(CAR, "left", True)),
        ("a person approaches another person", c.Approaches(PERSON, Subject("person", "another"))),
        ("a bag is abandoned", c.LeftBehind(Subject("bag"))),
        ("a bag is left behind by a woman", c.LeftBehind(Subject("bag"), Subject("woman"))),
        ("the number of person is fewer than 2 in the yard", c.Count(PERSON, 2, False, "yard")),
        ("a person falls down and it is in yard", c.And((c.Falls(PERSON), c.Inside(PERSON, "yard")))),
        ("a person falls, and stays in yard", c.And((c.Falls(PERSON), c.Inside(PERSON, "yard")))),
        (
            "a person falls or stops and the person is present",
            c.Or((c.Falls(PERSON), c.And((c.Stops(PERSON), c.Present(PERSON))))),
        ),
        (
            "(a person falls or stops) and the person is present",
            c.And((c.Or((c.Falls(PERSON), c.Stops(PERSON))), c.Present(PERSON))),
        ),
        ("a person falls, then it is absent within 5 seconds", c.Then(c.Falls(PERSON), c.Absent(PERSON), 5)),
        ("a person is in the \u201cway and out\u201d", c.Inside(PERSON, "way and out")),  # as a phone types it
        ("a cafe\u0301 appears", c.Present(Subject("caf\u00e9"))),  # as macOS writes letters
        ("a \u0915\u093e\u0930 appears", c.Present(Subject("\u0915\u093e\u0930"))),  # car in Hindi
    ],
)  # fmt: skip
def test_sentences_are_understood(sentence: str, condition: c.Condition) -> None:
    assert parse_condition(sentence) == condition


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rule(c.Present(PERSON), 3),
        lambda: Rule("a person falls"),
        lambda: c.Present("person"),
        lambda: c.Near(PERSON, "red car"),
        lambda: c.And(()),
        lambda: c.Or((c.Present(PERSON), "a person falls")),
        lambda: c.Then(c.Present(PERSON), PERSON, 3),
    ],
)
def test_parts_that_are_not_a_rule_are_rejected(make: Any) -> None:
    with pytest.raises(ConfigError, match=r" is .*; expected "):
        make()


def test_rule_prints_itself_as_a_sentence() -> None:
    said = Rule.parse("tell me when a person stays near the red car for 10 seconds").sentence
    assert said == "a person is near the red car for 10 seconds"
    later = Rule.parse(
        "when a person falls then within 1 minute another person approaches the person"
    ).sentence
    assert later == "a person falls then within 60 seconds another person approaches the person"


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("", "the rule is ''; expected a sentence"),
        ("person falls", "at 'person' (word 1); expected \"a\", \"the\" or \"another\""),
        ("a person is flying", "at 'flying' (word 4); expected present, there,"),
        ("a person", "at its end; expected a verb: is, stays,"),
        ("a person is near", 'at its end; expected "a", "the" or "another"'),
        ("a person is near the for 3 seconds", "at 'for' (word 6); expected words such as \"person\""),
        ("a person falls for ten seconds", "at 'ten' (word 5); expected a number such as 10"),
        ("a person falls for 10 apples", "at 'apples' (word 6); expected \"second\" or"),
        ("a person falls quickly", "at 'quickly' (word 4); expected \"and\", \"or\", \"then\" or the end"),
        ("a person enters yard for 3 seconds", "at '3' (word 6); expected no duration after"),
        ("(a person falls", 'at its end; expected ")"'),
        ("a person falls and", 'at its end; expected "a", "the" or "another"'),
        ("a person falls then it stops", 'at its end; expected "within"'),
        ("tell me a person falls", "at 'a' (word 3); expected \"when\" or"),
        ("the count of car is above 2.5", "at its end; expected a whole number"),
        ("a person moves", 'at its end; expected "faster than", "against" or one of: left, right'),
        ("a person is near the car within 5 seconds", "at 'seconds' (word 9); expected \"heights\""),
        ('a "person falls', "at '\"' (word 2); expected words"),
        ("a person falls for 9000000 seconds", "for_s is 9000000.0; expected a number from 0 to 86400"),
        ("a person is near the person", "both are 'person', the same object"),
        ("the car stops or a car falls", "'car' is one object in one part of the rule and any object in another"),
        ("(" * 20 + "a person falls" + ")" * 20, "at most 16 parentheses inside each other"),
        ("(" * 20_000 + "a person falls", "has 20003 words; expected at most 400"),
        ("a person falls" + " then within 1 s a car stops" * 5000, "expected at most 400"),
        ("the count of car is below 0", "cannot be below 0; expected 1 or more"),
    ],
)  # fmt: skip
def test_unknown_word_is_named(sentence: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Rule.parse(sentence)
    assert said in str(raised.value)


WORDS = st.lists(
    st.sampled_from(["person", "red", "car", "T-shirt", "in", "the", "a", "is", "and", "falls", "number", "zone", "42",
                     "line", "it", "über", "within", "of", "(x)", "'s", "count", "near", "then"]),
    min_size=1, max_size=3,
).map(" ".join)  # fmt: skip
NUMBERS = st.one_of(st.integers(0, 9000).map(float), st.floats(0, 86_400, allow_subnormal=False))


@st.composite
def subjects(draw: st.DrawFn, taken: dict[str, str]) -> Subject:
    """Draw a phrase that is one object in the whole rule, or any object."""
    text = draw(WORDS)
    one = taken.setdefault(text, draw(st.sampled_from(["one", "any"])))
    return Subject(text, "the" if one == "one" else draw(st.sampled_from(["a", "another"])))


@st.composite
def clauses(draw: st.DrawFn, taken: dict[str, str]) -> c.Condition:
    kind: Any = draw(st.sampled_from(list(CLAUSES)))
    subject = draw(subjects(taken))
    others = subjects(taken).filter(lambda other: other != subject)
    for_s = draw(NUMBERS)
    if kind is c.Count:
        text = draw(WORDS.filter(lambda text: taken.setdefault(text, "any") == "any"))
        zone = draw(st.none() | WORDS)
        above = draw(st.booleans())
        return c.Count(Subject(text), draw(st.integers(0 if above else 1, 50)), above, zone, for_s)
    more: dict[Any, Any] = {
        c.Inside: st.tuples(WORDS, NUMBERS),
        c.Enters: st.tuples(WORDS),
        c.Leaves: st.tuples(WORDS),
        c.Crosses: st.tuples(WORDS, st.none() | WORDS),
        c.Faster: st.tuples(NUMBERS, st.sampled_from(["heights", "pixels"]), NUMBERS),
        c.Heads: st.tuples(st.sampled_from(list(c.DIRECTIONS)), st.booleans(), NUMBERS),
        c.Approaches: st.tuples(others, NUMBERS),
        c.Near: st.tuples(others, NUMBERS, NUMBERS),
        c.LeftBehind: st.tuples(others, NUMBERS),
        c.Loiters: st.tuples(NUMBERS, NUMBERS),
    }
    condition: c.Condition = kind(subject, *draw(more.get(kind, st.tuples(NUMBERS))))
    return condition


@st.composite
def trees(draw: st.DrawFn, taken: dict[str, str] | None = None, depth: int = 2) -> c.Condition:
    taken = {} if taken is None else taken
    kind = draw(st.sampled_from(["clause", "clause", "and", "or", "then"])) if depth else "clause"
    if kind == "clause":
        return draw(clauses(taken))
    parts = [draw(trees(taken, depth - 1)) for _ in range(2 if kind == "then" else draw(st.integers(2, 3)))]
    if kind == "then":
        return c.Then(parts[0], parts[1], draw(NUMBERS))
    return (c.And if kind == "and" else c.Or)(tuple(parts))


@settings(max_examples=60, deadline=None)
@given(trees())
def test_every_printed_rule_is_understood(condition: c.Condition) -> None:
    said = sentence_of(condition)
    assert parse_condition(said) == condition
    assert sentence_of(parse_condition(said)) == said


PIECES = ["a", "the", "person", "is", "near", "falls", "and", "or", "then", "within", "10", "seconds", "(", ")", ",",
          '"', "for", "it", ".", "3"]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES)))
def test_no_sentence_crashes_the_parser(words: list[str]) -> None:
    try:
        said = Rule.parse(" ".join(words)).sentence
    except ConfigError:
        return
    assert Rule.parse(said).sentence == said


def test_each_condition_can_be_expressed_and_evaluated() -> None:
    simple = {kind for kind in vars(c).values() if isinstance(kind, type) and issubclass(kind, c.Condition)}
    assert simple - {c.Condition, c.And, c.Or, c.Then} == set(CLAUSES)
    from rule_scenes import ZONES

    for sentence in ("a person crosses gate", "a person is near the car", "the count of car is above 3"):
        evaluator_of(parse_condition(sentence), ZONES)
