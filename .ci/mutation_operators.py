# ruff: noqa: INP001 - a script and its one module, no package
"""Every small change to a module that a good test must notice: one at a time, as text, so that the rest of the file stays as it is.

Not changed, for each is no check: docstrings and the texts of what is raised; the words of an enum (the code compares members; FORMAT.md
and LANE.md hold the words); `frozen` and `slots` (mypy's to keep); types, imports, `__all__`; what `mutation.toml` names under `skipped`.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Change = tuple[int, int, str]
"""Replace the bytes from start to end by this text."""
Enums = Mapping[str, tuple[str, ...]]
_Placed = ast.expr | ast.stmt | ast.keyword

_COMPARED: Final[Mapping[type, tuple[str, tuple[str, ...]]]] = {
    ast.Lt: (r"<", ("<=", ">=")),
    ast.LtE: (r"<=", ("<", ">")),
    ast.Gt: (r">", (">=", "<=")),
    ast.GtE: (r">=", (">", "<")),
    ast.Eq: (r"==", ("!=",)),
    ast.NotEq: (r"!=", ("==",)),
    ast.Is: (r"\bis\b", ("is not",)),
    ast.IsNot: (r"\bis\s+not\b", ("is",)),
    ast.In: (r"\bin\b", ("not in",)),
    ast.NotIn: (r"\bnot\s+in\b", ("in",)),
}
_JOINED: Final[Mapping[type, tuple[str, str]]] = {ast.And: (r"\band\b", "or"), ast.Or: (r"\bor\b", "and")}
_NEUTRAL: Final[Mapping[type, str]] = {ast.And: "True", ast.Or: "False"}
_ARITHMETIC: Final[Mapping[type, tuple[str, tuple[str, ...]]]] = {
    ast.Add: (r"\+", ("-",)),
    ast.Sub: (r"-", ("+",)),
    ast.Mult: (r"\*", ("+",)),
    ast.Div: (r"/", ("*",)),
    ast.FloorDiv: (r"//", ("*",)),
    ast.Mod: (r"%", ("*",)),
    ast.Pow: (r"\*\*", ("*",)),
    ast.LShift: (r"<<", (">>",)),
    ast.RShift: (r">>", ("<<",)),
    ast.BitAnd: (r"&", ("|",)),
    ast.BitOr: (r"\|", ("&",)),
    ast.BitXor: (r"\^", ("&",)),
}
_ONE_SIDE: Final = (ast.Add, ast.Sub, ast.Mult, ast.BitAnd, ast.BitOr)
_SWAPPED: Final = {"min": "max", "max": "min", "all": "any", "any": "all", "find": "rfind", "startswith": "endswith"}
_FEW: Final = 7
"""An enum's member is replaced by each other one where there are at most so many, by its two neighbours where there are more; in a
dictionary's key by the next one alone, for the item is left out as well."""
_PATTERN: Final = re.compile(r"#[^\n]*|\\x(?P<byte>[0-9a-f]{2})|\{(?P<count>\d+)\}|(?P<word>[A-Za-z_]+)")
"""What is changed in a raw literal, a pattern with comments: its bytes, counts and words."""
_SMALL: Final = 1000.0
_UNCHANGED_KEYWORDS: Final = ("frozen", "slots", "kw_only")
_UNCHANGED_NAMES: Final = ("__all__", "__slots__")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. `was` and `now` are the lines that it touches, with single spaces: with `file`, `where` and `nth` its name from run to run."""

    file: str
    where: str
    was: str
    now: str
    nth: int
    line: int
    source: bytes

    @property
    def name(self) -> tuple[str, str, str, str, int]:
        """What a survivor is listed by."""
        return self.file, self.where, self.was, self.now, self.nth


def enums_of(sources: Iterable[bytes]) -> dict[str, tuple[str, ...]]:
    """The members of each enum in these modules."""
    found = {}
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and _is_enum(node):
                found[node.name] = tuple(
                    target.id for item in node.body if isinstance(item, ast.Assign)
                    for target in item.targets if isinstance(target, ast.Name)
                )  # fmt: skip
    return found


def mutants_of(file: str, source: bytes, enums: Enums, skipped: frozenset[str] = frozenset()) -> Iterator[Mutant]:
    """Each mutant of a module, in the order of the text. A few may not compile: they are none."""
    seen: dict[tuple[str, str, str], int] = {}
    done = {source}
    changes = sorted(_Walk(source, enums, skipped).changes(), key=lambda found: found[1][0])
    for where, (start, end, text) in changes:
        changed = source[:start] + text.encode() + source[end:]
        if changed in done:
            continue
        done.add(changed)
        was, now = _lines(source, start, end), _lines(changed, start, start + len(text.encode()))
        nth = seen[where, was, now] = seen.get((where, was, now), 0) + 1
        yield Mutant(file, where, was, now, nth, source.count(b"\n", 0, start) + 1, changed)


def gutted(source: bytes) -> bytes:
    """The module with a `raise` at the head of each function: what no test may bear."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [*ast.parse("raise ZeroDivisionError('gutted')").body, *node.body]
    return ast.unparse(tree).encode()


def _lines(source: bytes, start: int, end: int) -> str:
    first = source.rfind(b"\n", 0, start) + 1
    last = source.find(b"\n", end)
    return " ".join(source[first : last if last >= 0 else None].decode().split())


def _is_enum(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id.endswith("Enum") for base in node.bases)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


class _Walk:
    """One way through a module's tree; where it stands is the function, class or name that what it looks at belongs to."""

    def __init__(self, source: bytes, enums: Enums, skipped: frozenset[str]) -> None:
        self._source = source
        self._enums = enums
        self._skipped = skipped
        self._starts = [0, *(at.end() for at in re.finditer(rb"\n", source))]

    def changes(self) -> Iterator[tuple[str, Change]]:
        """Each change with where it is."""
        tree = ast.parse(self._source)
        self._keys = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.Dict)
            for key in node.keys
            if key
            for part in ast.walk(key)
        }
        for statement in tree.body:
            yield from self._visit(statement, (), None)

    def _visit(self, node: ast.AST, path: tuple[str, ...], parent: ast.AST | None) -> Iterator[tuple[str, Change]]:
        path = path + _named(node, path)
        where = ".".join(path) or "<module>"
        if where in self._skipped or _is_no_check(node, parent):
            return
        for change in self._of(node, parent):
            yield where, change
        for child in _children(node):
            yield from self._visit(child, path, node)

    def _of(self, node: ast.AST, parent: ast.AST | None) -> Iterator[Change]:
        for kinds, changes in _OPERATORS:
            if isinstance(node, kinds):
                yield from changes(self, node, parent)

    # Places and pieces of text.

    def start(self, node: _Placed) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: _Placed) -> int:
        return self._starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    def text(self, node: _Placed) -> str:
        return self._source[self.start(node) : self.end(node)].decode()

    def instead(self, node: _Placed, text: str) -> Change:
        return self.start(node), self.end(node), text

    def between(self, left: _Placed, right: _Placed, sign: str) -> tuple[int, int]:
        """Where the sign stands between two operands; a comment there is not looked at."""
        start = self.end(left)
        gap = re.sub(
            r"#[^\n]*", lambda comment: " " * len(comment[0].encode()), self._source[start : self.start(right)].decode()
        )
        found = re.search(sign, gap)
        if found is None:
            raise ValueError(f"expected {sign!r} between two operands, got {gap!r}")
        return start + found.start(), start + found.end()

    # Operators. Each gives changes of one node.

    def compared(self, node: ast.Compare, _: ast.AST | None) -> Iterator[Change]:
        for left, sign, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            pattern, others = _COMPARED[type(sign)]
            start, end = self.between(left, right, pattern)
            for other in others:
                yield start, end, other

    def joined(self, node: ast.BoolOp, _: ast.AST | None) -> Iterator[Change]:
        pattern, other = _JOINED[type(node.op)]
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield *self.between(left, right, pattern), other
        for value in node.values:
            yield self.instead(value, _NEUTRAL[type(node.op)])

    def unary(self, node: ast.UnaryOp, _: ast.AST | None) -> Iterator[Change]:
        yield self.start(node), self.start(node.operand), " "

    def arithmetic(self, node: ast.BinOp, _: ast.AST | None) -> Iterator[Change]:
        pattern, others = _ARITHMETIC[type(node.op)]
        start, end = self.between(node.left, node.right, pattern)
        for other in others:
            yield start, end, other
        if isinstance(node.op, _ONE_SIDE):
            yield start, self.end(node), ""
            yield self.start(node), end, ""

    def augmented(self, node: ast.AugAssign, _: ast.AST | None) -> Iterator[Change]:
        pattern, others = _ARITHMETIC[type(node.op)]
        start, end = self.between(node.target, node.value, pattern + "=")
        for other in others:
            yield start, end, other + "="
        yield start, end, "="

    def decided(self, node: ast.If | ast.IfExp | ast.While, _: ast.AST | None) -> Iterator[Change]:
        yield self.instead(node.test, "True")
        yield self.instead(node.test, "False")

    def filtered(self, node: ast.comprehension, _: ast.AST | None) -> Iterator[Change]:
        for test in node.ifs:
            yield self.instead(test, "True")

    def constant(self, node: ast.Constant, parent: ast.AST | None) -> Iterator[Change]:
        if isinstance(node.value, bytes) and self.text(node).lower().startswith(("rb", "br")):
            yield from self._pattern(node)
            return
        for other in _others(node.value):
            if not (isinstance(parent, ast.keyword) and parent.arg in _UNCHANGED_KEYWORDS):
                yield self.instead(node, other)

    def _pattern(self, node: ast.Constant) -> Iterator[Change]:
        start, text = self.start(node), self.text(node)
        head = len(text) - len(text.lstrip("rb"))
        for found in _PATTERN.finditer(text, head):
            begin, end = start + found.start(), start + found.end()
            if found["byte"]:
                yield begin, end, f"\\x{int(found['byte'], 16) ^ 1:02x}"
                yield begin, end, ""
            elif found["count"]:
                yield begin, end, f"{{{int(found['count']) + 1}}}"
                yield begin, end, f"{{{int(found['count']) - 1}}}"
            elif found["word"]:
                yield begin, end, found["word"][:-1]
                yield begin, end, found["word"][:-1] + chr(ord(found["word"][-1]) ^ 1)

    def formatted(self, node: ast.JoinedStr, _: ast.AST | None) -> Iterator[Change]:
        yield self.end(node) - 1, self.end(node) - 1, "X"

    def member(self, node: ast.Attribute, _: ast.AST | None) -> Iterator[Change]:
        if not isinstance(node.value, ast.Name):
            return
        members = self._enums.get(node.value.id, ())
        if node.attr in members:
            for other in _neighbours(members, node.attr, few=0 if id(node) in self._keys else _FEW):
                yield self.instead(node, f"{node.value.id}.{other}")

    def elements(self, node: ast.Tuple | ast.List | ast.Set, parent: ast.AST | None) -> Iterator[Change]:
        if not isinstance(node, ast.Set) and not isinstance(node.ctx, ast.Load):
            return
        if isinstance(
            parent, ast.Subscript | ast.Return | ast.Dict
        ):  # an index, several results, a key: always so many
            return
        around = {ast.Tuple: "()", ast.List: "[]", ast.Set: "{}"}[type(node)]
        for left_out in node.elts:
            kept = "".join(f"{self.text(item)}, " for item in node.elts if item is not left_out)
            yield self.instead(node, around[0] + kept + around[1])

    def items(self, node: ast.Dict, _: ast.AST | None) -> Iterator[Change]:
        begins = [
            self.start(key or value) - (0 if key else 2) for key, value in zip(node.keys, node.values, strict=True)
        ]
        ends = [*begins[1:], self.end(node) - 1] if begins else []
        for start, end in zip(begins, ends, strict=True):
            yield start, end, ""

    def sliced(self, node: ast.Slice, _: ast.AST | None) -> Iterator[Change]:
        for bound in (node.lower, node.upper):
            if bound is not None and self.text(bound) != "0":  # the same without it
                yield self.instead(bound, "")

    def called(self, node: ast.Call, _: ast.AST | None) -> Iterator[Change]:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _SWAPPED:
            end = self.end(node.func)
            yield end - len(name), end, _SWAPPED[name]
        for given in node.keywords:
            if given.arg and isinstance(node.func, ast.Name) and node.func.id == "Meta":
                yield self.instead(
                    node, "Meta(" + ", ".join(self.text(k) for k in node.keywords if k is not given) + ")"
                )

    def lambda_(self, node: ast.Lambda, _: ast.AST | None) -> Iterator[Change]:
        yield self.instead(node.body, "True")
        yield self.instead(node.body, "False")

    def removed(self, node: ast.stmt, _: ast.AST | None) -> Iterator[Change]:
        yield self.instead(node, "pass")

    def kept(self, node: ast.Assign, _: ast.AST | None) -> Iterator[Change]:
        if any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            yield self.instead(node, "pass")

    def returned(self, node: ast.Return, _: ast.AST | None) -> Iterator[Change]:
        if node.value is not None and not (
            isinstance(node.value, ast.Constant) and node.value.value in (True, False, None)
        ):
            for other in ("None", "True", "False") if _is_truth(node.value) else ("None",):
                yield self.instead(node.value, other)

    def caught(self, node: ast.ExceptHandler, _: ast.AST | None) -> Iterator[Change]:
        if node.type is not None:
            yield self.instead(node.type, "()")

    def jumped(self, node: ast.Break | ast.Continue, _: ast.AST | None) -> Iterator[Change]:
        yield self.instead(node, "continue" if isinstance(node, ast.Break) else "break")


_Operator = Callable[[_Walk, Any, ast.AST | None], Iterator[Change]]
_OPERATORS: Final[tuple[tuple[type | tuple[type, ...], _Operator], ...]] = (
    (ast.Compare, _Walk.compared),
    (ast.BoolOp, _Walk.joined),
    (ast.UnaryOp, _Walk.unary),
    (ast.BinOp, _Walk.arithmetic),
    (ast.AugAssign, _Walk.augmented),
    ((ast.If, ast.IfExp, ast.While), _Walk.decided),
    (ast.comprehension, _Walk.filtered),
    (ast.Constant, _Walk.constant),
    (ast.JoinedStr, _Walk.formatted),
    (ast.Attribute, _Walk.member),
    ((ast.Tuple, ast.List, ast.Set), _Walk.elements),
    (ast.Dict, _Walk.items),
    (ast.Slice, _Walk.sliced),
    (ast.Call, _Walk.called),
    (ast.Lambda, _Walk.lambda_),
    ((ast.Expr, ast.Raise, ast.AugAssign, ast.Delete), _Walk.removed),
    (ast.Assign, _Walk.kept),
    (ast.Return, _Walk.returned),
    (ast.ExceptHandler, _Walk.caught),
    ((ast.Break, ast.Continue), _Walk.jumped),
)


def _named(node: ast.AST, path: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.Assign | ast.AnnAssign) and not path:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return (target.id,) if isinstance(target, ast.Name) else ()
    return ()


def _is_no_check(node: ast.AST, parent: ast.AST | None) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node):
        return True
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return _named(node, ()) in {(name,) for name in _UNCHANGED_NAMES} or (
            isinstance(parent, ast.ClassDef) and _is_enum(parent) and isinstance(node.value, ast.Constant | ast.JoinedStr)
            and not isinstance(getattr(node.value, "value", ""), int)
        )  # fmt: skip
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'")
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "TypeVar"


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node, but for types (their `Meta` are checks), decorators, and the texts of what is raised."""
    told = {"annotation": _metas, "returns": _nothing, "decorator_list": _nothing}
    for name, value in ast.iter_fields(node):
        below = value if isinstance(value, list) else [value]
        for child in below:
            if isinstance(child, ast.AST):
                yield from told.get(name, _itself)(child)


def _itself(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Raise):
        for child in ast.walk(node):
            for name, value in ast.iter_fields(child):
                if isinstance(value, list):
                    setattr(child, name, [item for item in value if not _tells(item)])
    yield node


def _tells(node: object) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _metas(node: ast.AST) -> Iterator[ast.AST]:
    yield from (child for child in ast.walk(node) if isinstance(child, ast.Call))


def _nothing(_: ast.AST) -> Iterator[ast.AST]:
    yield from ()


def _others(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield repr(not value)
    elif isinstance(value, int):
        yield repr(value + 1)
        yield repr(value - 1) if value else "(-1)"
    elif isinstance(value, float):
        yield from (repr(value + 1), repr(value - 1)) if abs(value) < _SMALL else (repr(value * 2), repr(value / 2))
    elif isinstance(value, bytes):
        for at in range(len(value)):
            yield repr(value[:at] + bytes((value[at] ^ 1,)) + value[at + 1 :])
        yield from (repr(value[:-1]), repr(value + b"\0")) if value else (repr(b"\0"),)
    elif isinstance(value, str):
        yield repr(value + "X")


def _neighbours(members: tuple[str, ...], member: str, few: int) -> Iterator[str]:
    at = members.index(member)
    if few and len(members) <= few:
        yield from members[:at] + members[at + 1 :]
        return
    yield members[(at + 1) % len(members)]
    if few:
        yield members[at - 1]


def _is_truth(node: ast.expr) -> bool:
    if isinstance(node, ast.BoolOp):
        return all(_is_truth(value) for value in node.values)
    return isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
