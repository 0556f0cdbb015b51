"""Parser from sentences to conditions, with a small grammar.

```
sentence  = [opening] chain
chain     = choice { "then" ["within" seconds] choice ["within" seconds] }
choice    = group { "or" group }
group     = part { "and" part }
part      = "(" chain ")" | [phrase] clause ["for" seconds]
opening   = "tell me when" | "alert me when" | "when" | "if" | ...
phrase    = ("a" | "the" | "another") words | "it"
```

The clauses are in `clauses`. "the person" after "a person" is the same person; a part without a phrase has the
subject of the previous part.
"""

from __future__ import annotations

from edgetrack.errors import ConfigError
from edgetrack.watching.clauses import Clauses
from edgetrack.watching.conditions import And, Condition, Or, Then
from edgetrack.watching.subject import Determiner, Subject
from edgetrack.watching.tokens import ARTICLES, Token, tokens_of

OPENINGS = ("tell me", "alert me", "warn me", "notify me", "let me know", "alert", "warn", "notify")
SECONDS = {
    "second": 1.0,
    "seconds": 1.0,
    "s": 1.0,
    "minute": 60.0,
    "minutes": 60.0,
    "hour": 3600.0,
    "hours": 3600.0,
}
LONGEST, DEEPEST = 400, 16  # words of a sentence, and parentheses inside each other
EXAMPLE = '"a person is near the red car for 10 seconds"'


def parse_condition(sentence: str) -> Condition:
    """Parse a sentence.

    Raises:
        ConfigError: The sentence cannot be parsed; the message has the word that failed, and what was expected there.
    """
    if not isinstance(sentence, str) or not sentence.strip():
        raise ConfigError(f"the rule is {sentence!r}; expected a sentence such as {EXAMPLE}")
    reader = Reader(sentence)
    if len(reader) > LONGEST:
        raise ConfigError(
            f"the rule {sentence[:60]!r}... has {len(reader)} words; expected at most {LONGEST}"
        )
    reader.skip_opening()
    condition = _chain(reader, Clauses(reader))
    reader.take(".")
    if reader.next is not None:
        raise reader.error('"and", "or", "then" or the end')
    return condition


class Reader:
    """The tokens of a sentence, consumed one after the other."""

    def __init__(self, sentence: str) -> None:
        self._sentence, self._tokens, self._at = sentence, tokens_of(sentence), 0
        self.depth = 0  # of parentheses
        self._known: set[Subject] = set()

    @property
    def next(self) -> Token | None:
        """Return the next token; None at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def __len__(self) -> int:
        return len(self._tokens)

    def sees(self, *words: str) -> bool:
        """Return whether the next words are these."""
        ahead = self._tokens[self._at : self._at + len(words)]
        return [t.text.lower() for t in ahead if t.kind in ("word", "mark")] == list(words)

    def take(self, *phrases: str) -> str | None:
        """Consume the first of the phrases that matches the next words, and return it."""
        for phrase in phrases:
            if self.sees(*phrase.split()):
                self._at += len(phrase.split())
                return phrase
        return None

    def need(self, *phrases: str) -> str:
        """Do the same as `take`, but one of them must match."""
        found = self.take(*phrases)
        if found is None:
            raise self.error(" or ".join(f'"{phrase}"' for phrase in phrases))
        return found

    def number(self) -> float:
        """Parse a number."""
        token = self.next
        if token is None or token.kind != "number":
            raise self.error("a number such as 10")
        self._at += 1
        return float(token.text)

    def seconds(self) -> float:
        """Parse a duration, such as "10 seconds"."""
        return self.number() * SECONDS[self.need(*SECONDS)]

    def name(self, what: str) -> str:
        """Parse words up to the next verb or conjunction, or one text in quotation marks."""
        words: list[str] = []
        while (token := self.next) is not None and token.is_name and not (words and token.kind == "quoted"):
            words.append(token.text)
            self._at += 1
            if token.kind == "quoted":
                break
        if not words:
            raise self.error(f'{what}; in quotation marks if it contains words such as "and"')
        return " ".join(words)

    def place(self, what: str) -> str:
        """Parse the name of a zone or a line."""
        self.take("the zone", "the line", "zone", "line", "the", "a", "an")
        return self.name(f"the name of a {what}")

    def phrase(self) -> Subject:
        """Parse a subject: an article and words."""
        article = self.take(*ARTICLES)
        if article is None:
            raise self.error('"a", "the" or "another" and words, such as "a person"')
        text = " ".join(self.name('words such as "person"').split())
        same = Subject(text)
        if article == "the" and same not in self._known:
            return Subject(text, "the")
        determiner: Determiner = "another" if article == "another" else "a"
        subject = Subject(text, determiner)
        self._known.add(subject)
        return subject

    def skip_opening(self) -> None:
        """Skip "tell me when" and similar openings."""
        if self.take(*OPENINGS) is not None:
            self.need("when", "if", "as soon as")
        else:
            self.take("when", "if", "as soon as")

    def error(self, expected: str) -> ConfigError:
        """Return the error to raise at the next word."""
        token = self.next
        at = "its end" if token is None else f"{token.text!r} (word {self._at + 1})"
        return ConfigError(f"the rule {self._sentence!r} is not understood at {at}; expected {expected}")


def _chain(reader: Reader, clauses: Clauses) -> Condition:
    found = _choice(reader, clauses)
    while reader.take("then", ", then"):
        before = reader.seconds() if reader.take("within") else None
        second = _choice(reader, clauses)
        if before is None:
            reader.need("within")
            before = reader.seconds()
        found = Then(found, second, before)
    return found


def _choice(reader: Reader, clauses: Clauses) -> Condition:
    parts = [_group(reader, clauses)]
    while reader.take("or", ", or"):
        parts.append(_group(reader, clauses))
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _group(reader: Reader, clauses: Clauses) -> Condition:
    parts = [_part(reader, clauses)]
    while reader.take("and", ", and"):
        parts.append(_part(reader, clauses))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _part(reader: Reader, clauses: Clauses) -> Condition:
    if reader.take("("):
        reader.depth += 1
        if reader.depth > DEEPEST:
            raise reader.error(f"at most {DEEPEST} parentheses inside each other")
        found = _chain(reader, clauses)
        reader.need(")")
        reader.depth -= 1
        return found
    return clauses.clause()
