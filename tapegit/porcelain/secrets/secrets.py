"""`secrets`: what ought not to be in the store and is, and the rules that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind
from tapegit.porcelain.plumbing.tips import iter_points
from tapegit.porcelain.secrets.redaction import load_redactor, load_user_rules
from tapegit.redact.redactor import KNOWN_VALUE
from tapegit.redact.rules import RULES, RULES_VERSION
from tapegit.repository.layout import CONFIG_NAME
from tapegit.rewrite.ref_names import clean_name
from tapegit.rewrite.scan import Finding, Scanner
from tapegit.rewrite.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tapegit.graph.resolve import Resolver
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.redact.redactor import Redactor
    from tapegit.repository.repository import Repository

    OnProgress = Callable[[str, int], None]

_CONFIG_SIZE_MAX_BYTES = 1 << 20


class ListedRule(NamedTuple):
    """A rule: its name, what it finds, and the version of the set it is of (0: yours)."""

    name: str
    meaning: str
    version: int


def list_rules(repository: Repository | None) -> list[ListedRule]:
    """Return the rules of the table, then the user's.

    Raises:
        ConfigError: A rule of the user's is none.
    """
    rules = [ListedRule(rule.name, rule.meaning, RULES_VERSION) for rule in RULES]
    if repository is not None:
        own = load_user_rules(repository.config).rules
        rules += [ListedRule(name, "a rule of yours", 0) for name, _ in own]
    return rules


def scan(
    repository: Repository,
    graph: TurnGraph,
    resolver: Resolver,
    revisions: Sequence[str],
    *,
    on_progress: OnProgress | None = None,
) -> Iterator[Finding]:
    """Yield what is found: in all tapes, or in what revisions name.

    Without revisions: every turn that a ref or a reflog leads to, tags, the names of refs, what
    reflogs say, and the settings of the store.

    Raises:
        UserError: A revision names nothing.
        TapesError: Something is missing or damaged.
        RedactionError: A rule does not work.
    """
    redactor = load_redactor(repository.config)
    scanner = Scanner(repository.objects, redactor, on_progress)
    if revisions:
        points = list(iter_points(resolver, repository.refs, revisions))
        tips = [point.oid for point in points if not point.is_excluded]
        excluded = [point.oid for point in points if point.is_excluded]
        yield from scanner.scan_turns(_walk(graph, tips, excluded))
        return
    turns, others = _find_tips(repository, graph)
    yield from scanner.scan_turns(_walk(graph, turns))
    for oid in others:
        yield from scanner.scan_tag(oid)
    yield from _scan_refs(repository, redactor)


def _walk(
    graph: TurnGraph, tips: Sequence[ObjectId], excluded: Sequence[ObjectId] = ()
) -> Iterator[ObjectId]:
    """Yield turns, parents first, and a tape at a time: what it said lies together in packs."""
    return walk(graph, tips, exclude=excluded, order="topo", reverse=True)


def _find_tips(repository: Repository, graph: TurnGraph) -> tuple[list[ObjectId], list[ObjectId]]:
    """Return the turns that refs and reflogs lead to, and whatever else they name."""
    oids: dict[ObjectId, None] = {}
    head = repository.refs.read_head().oid
    if head is not None:
        oids[head] = None
    oids.update((ref.oid, None) for ref in repository.refs.iter_refs())
    for name in repository.refs.iter_reflogs():
        for entry in repository.refs.read_reflog(name):
            for oid in (entry.old, entry.new):
                if any(oid) and repository.objects.contains(oid):
                    oids[oid] = None
    turns: list[ObjectId] = []
    others: list[ObjectId] = []
    for oid in oids:
        is_turn = repository.objects.read_header(oid).kind is Kind.TURN
        (turns if is_turn else others).append(oid)
        peeled = None if is_turn else repository.peel_tag(oid)
        if peeled is not None and repository.objects.read_header(peeled).kind is Kind.TURN:
            turns.append(peeled)
    return turns, others


def _scan_refs(repository: Repository, redactor: Redactor) -> Iterator[Finding]:
    secrets = Secrets(redactor)
    for ref in repository.refs.iter_refs():
        clean = clean_name(secrets, ref.name)
        if clean != ref.name:
            yield Finding(None, "ref", _rule_in(clean), 1, clean)
    for name in repository.refs.iter_reflogs():
        for entry in repository.refs.read_reflog(name):
            for found in secrets.find_in_text(f"{entry.who}\t{entry.message}"):
                yield Finding(None, "reflog", found.rule, 1, clean_name(secrets, name))
    path = repository.root / CONFIG_NAME
    try:
        text = path.read_text("utf-8", "replace")[:_CONFIG_SIZE_MAX_BYTES]
    except OSError:
        return
    for found in secrets.find_in_text(text):
        yield Finding(None, "config", found.rule, 1, CONFIG_NAME)


def _rule_in(name: str) -> str:
    """Return the rule that a cleaned name says."""
    for rule in (*(rule.name for rule in RULES), KNOWN_VALUE):
        if f"-{rule}-" in name or f":{rule}:" in name or f"%3a{rule}%3a" in name:
            return rule
    return KNOWN_VALUE
