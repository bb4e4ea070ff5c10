# SPDX-License-Identifier: Apache-2.0
"""The mutants of a module: each is the module with one place changed."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
import copy
from dataclasses import dataclass, replace
from itertools import islice

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
OTHER_NUMBERS = 1.25, 0.8
"""By what a number that is more than a small count is multiplied."""
SMALL_COUNT = 10
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
WIDEST = 100
"""How much of the code around a change is shown at most."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A module with one place changed."""

    module: str
    """Its name below the integration."""
    name: str
    """The function, method, class or constant in which the place is."""
    before: str
    after: str
    nth: int
    """How many changes that read the same stand before it in the module."""
    number: int
    """The place among all that `_sites` finds."""
    lines: range
    """Where it stands, from the beginning of its statement."""
    is_imported: bool
    """Whether it is run when the module is imported, and by no test."""

    @property
    def key(self) -> str:
        """What it is known by, wherever it stands."""
        nth = f" ({self.nth + 1})" if self.nth else ""
        return f"{self.name}: {self.before} -> {self.after}{nth}"


@dataclass(frozen=True, kw_only=True)
class _Site:
    """A node, where it hangs, and what is to be in its place."""

    parent: ast.AST
    field: str
    index: int | None
    new: ast.AST

    @property
    def old(self) -> ast.AST:
        held = getattr(self.parent, self.field)
        node: ast.AST = held if self.index is None else held[self.index]
        return node

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants_of(module: str, source: str) -> list[Mutant]:
    """Return every mutant of a module, in the order of the code."""
    tree = ast.parse(source)
    parents = {
        child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
    }
    seen: Counter[str] = Counter()
    mutants = []
    for number, site in enumerate(_sites(tree)):
        mutant = _described(module, site, number, parents)
        mutants.append(replace(mutant, nth=seen[mutant.key]))
        seen[mutant.key] += 1
    return mutants


def change_of(mutant: Mutant) -> Callable[[ast.Module], None]:
    """Return what makes the mutant of its module."""

    def change(tree: ast.Module) -> None:
        site = next(islice(_sites(tree), mutant.number, None))
        site.put(ast.copy_location(site.new, site.old))
        ast.fix_missing_locations(tree)

    return change


def _described(
    module: str, site: _Site, number: int, parents: dict[ast.AST, ast.AST]
) -> Mutant:
    """Return a mutant with as much of the code around it as is easily read."""
    old = site.old
    above = [old]
    while above[-1] in parents:
        above.append(parents[above[-1]])
    shown = old
    for node in above:
        is_code = isinstance(node, ast.expr | ast.stmt) and not isinstance(node, SCOPES)
        if not is_code or len(_text(node)) > WIDEST:
            break
        shown = node
    before = _text(shown)
    site.put(site.new)
    after = _text(site.new if shown is old else shown)
    site.put(old)
    statement = next(node for node in above if isinstance(node, ast.stmt))
    functions = [
        node
        for node in above
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    in_body = functions and not any(
        isinstance(node, ast.arguments) for node in above[: above.index(functions[0])]
    )
    lines = range(statement.lineno, (getattr(old, "end_lineno", None) or 0) + 1)
    if functions and not in_body:
        lines = range(functions[0].body[0].lineno, functions[0].body[0].lineno + 2)
    return Mutant(
        module=module,
        name=".".join(reversed([each for node in above for each in _names(node)])),
        before=before,
        after=after,
        nth=0,
        number=number,
        lines=lines,
        is_imported=not functions,
    )


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def _names(node: ast.AST) -> list[str]:
    match node:
        case (
            ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
            | ast.ClassDef(name=name)
        ):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) if name.isupper():
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _sites(tree: ast.AST) -> Iterator[_Site]:
    """Yield every change, in the order of the code."""
    for parent, field, index, node in _nodes(tree):
        for new in _changes(node):
            yield _Site(parent=parent, field=field, index=index, new=new)


def _nodes(
    parent: ast.AST,
) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Yield every node that decides something, and where it hangs."""
    for field, value in ast.iter_fields(parent):
        if _is_passive(parent, field):
            continue
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(node, ast.AST) and not _says_only(node):
                yield parent, field, index if isinstance(value, list) else None, node
                yield from _nodes(node)


def _is_passive(parent: ast.AST, field: str) -> bool:
    """Whether what hangs there is for readers or type checkers, or only words."""
    match parent:
        case ast.Raise():
            return True
        case ast.keyword(arg="strict" | "kw_only" | "repr"):
            return True
    return field in {"annotation", "returns", "decorator_list", "type_params", "bases"}


def _says_only(node: ast.AST) -> bool:
    """Whether a node is a word: a docstring, a log line, an import, a type."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom():
            return True
        case ast.TypeAlias() | ast.Pass() | ast.JoinedStr():
            return True
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=ast.Name(id="_LOGGER" | "LOGGER")))
        ):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return False


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a node."""
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            for number in _other_numbers(value):
                yield ast.Constant(number)
        case ast.Compare():
            yield from _other_comparisons(node)
        case ast.BoolOp(op=operator, values=values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield ast.BoolOp(other, values)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=operator, right=right) if not _is_type(node):
            yield ast.BinOp(left, OPERATORS[type(operator)](), right)
        case ast.AugAssign(target=target, op=operator, value=value):
            yield ast.AugAssign(target, OPERATORS[type(operator)](), value)
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield _with(node, func=ast.Name(CALLS[name], ast.Load()))
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                yield _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.Expr() | ast.Raise() | ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value) if not _is_nothing(value):
            yield ast.Return(ast.Constant(None))


def _other_numbers(value: float) -> Iterator[float]:
    """Yield a larger number and a smaller one."""
    if isinstance(value, int) and abs(value) <= SMALL_COUNT:
        yield value + 1
        if value:
            yield value - 1
        return
    if not value:
        yield 1.0
        return
    for factor in OTHER_NUMBERS:
        other = value * factor
        yield round(other) if isinstance(value, int) else other


def _other_comparisons(node: ast.Compare) -> Iterator[ast.Compare]:
    for place, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            operators = [*node.ops]
            operators[place] = other()
            yield ast.Compare(node.left, operators, node.comparators)


def _with(node: ast.AST, **fields: ast.AST) -> ast.AST:
    """Return the node with other fields."""
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _is_nothing(value: ast.expr) -> bool:
    """Whether a value is None, or does what None does."""
    return isinstance(value, ast.Constant) and value.value in (None, False)


def _is_type(node: ast.BinOp) -> bool:
    """Whether this is a union of types, as in `isinstance(x, int | float)`."""
    sides = (node.left, node.right)
    return isinstance(node.op, ast.BitOr) and any(
        (isinstance(side, ast.Constant) and side.value is None)
        or (isinstance(side, ast.Name) and side.id in {"int", "float", "str", "bytes"})
        or (isinstance(side, ast.BinOp) and _is_type(side))
        for side in sides
    )
