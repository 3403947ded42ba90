"""JSON documents as input: every complaint names the file, the member, found and expected."""
import json
import pathlib

LARGEST_FILE = 1 << 30  # bytes
LARGEST_NUMBER = 1e300  # what a picture makes of it stays finite


class BadInput(Exception):
    """The user's mistake. Ends the command with exit code 2."""


class Node:
    """A value of a document with the JSON pointer that leads to it."""

    def __init__(self, value, file: str, pointer: str = ""):
        self.value = value
        self.file = file
        self.pointer = pointer

    def fail(self, message: str, expected: str = "") -> BadInput:
        text = f"{self.file}: {self.pointer or '/'}: {message}"
        return BadInput(text + (f"; expected {expected}" if expected else ""))

    def wrong(self, expected: str) -> BadInput:
        found = json.dumps(self.value)
        found = found if len(found) <= 60 else found[:60] + "..."
        return BadInput(f"{self.file}: {self.pointer or '/'}: wrong value; found {found}, "
                        f"expected {expected}")

    def has(self, key: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def __getitem__(self, key: str) -> "Node":
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        if key not in self.value:
            raise self.fail("missing key", f"'{key}'")
        return Node(self.value[key], self.file, f"{self.pointer}/{key}")

    def items(self) -> list["Node"]:
        if not isinstance(self.value, list):
            raise self.wrong("an array")
        return [Node(item, self.file, f"{self.pointer}/{i}") for i, item in enumerate(self.value)]

    def members(self) -> list[tuple[str, "Node"]]:
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return [(key, self[key]) for key in self.value]

    def number(self, low: float = 0.0) -> float:
        value = self.value
        known = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not known or not low <= value <= LARGEST_NUMBER:
            raise self.wrong(f"a number from {low:g} to {LARGEST_NUMBER:g}")
        return float(value)

    def integer(self, low: int, high: int) -> int:
        value = self.value
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(f"an integer from {low} to {high}")
        return value

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value.replace("$", r"\$")  # matplotlib takes it for mathematics

    def schema(self) -> str:
        """The "schema" of a document, or "" where there is none."""
        return self["schema"].text() if self.has("schema") else ""

    def demand(self, schema: str) -> None:
        found = self.schema() or "none"
        if found != schema:
            raise Node(found, self.file, "/schema").wrong(f'"{schema}"')


def read(path: str) -> Node:
    """The root of a JSON file."""
    try:
        size = pathlib.Path(path).stat().st_size
        if size > LARGEST_FILE:
            raise BadInput(f"{path}: file too large; found {size} bytes, "
                           f"expected at most {LARGEST_FILE}")
        text = pathlib.Path(path).read_text(encoding="utf-8")
        return Node(json.loads(text), path)
    except json.JSONDecodeError as broken:
        raise BadInput(f"{path}: line {broken.lineno}, column {broken.colno}: not valid JSON; "
                       f"expected a JSON document") from broken
    except (OSError, UnicodeDecodeError, RecursionError) as broken:
        reason = getattr(broken, "strerror", None) or "not a JSON text"
        raise BadInput(f"{path}: cannot be read: {reason}") from broken
    except ValueError as broken:  # the others are above
        raise BadInput(f"{path}: cannot be read: an integer of too many digits") from broken
