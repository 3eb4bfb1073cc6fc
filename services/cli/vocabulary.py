"""`headwater vocabulary`: what words mean here: what people decided, what the catalog proposes, and a glossary brought in.

Beside journey 2, from the terminal.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterator
from pathlib import Path

from services.catalog.api.vocabulary import open_proposals, vocabulary_shape
from services.catalog.vocabulary import Entry, Term, fold
from services.cli.exits import DONE, PARTLY
from services.cli.terminal import print_json, say, settings_of
from services.common.errors import BadRequest, HeadwaterError, NotFound
from services.common.model.access import FULL_SCOPE, Principal, Role
from services.common.model.names import AssetId
from services.workspace import Workspace

_CLI = Principal("cli", Role.ADMIN, FULL_SCOPE)
_FIELDS = ("term", "synonyms", "definition", "tables")
_PAGE = 500


def run(arguments: argparse.Namespace) -> int:
    """List, decide on a proposal, or bring in a file."""
    space = Workspace(settings_of(arguments, begins=arguments.action == "import"))
    try:
        if arguments.action == "import":
            return _import(space, arguments.of)
        space.indexer.open()
        if arguments.action == "list":
            return _list(space, as_json=arguments.json)
        return _decide(space, arguments.action, arguments.of)
    finally:
        space.close()


def _list(space: Workspace, *, as_json: bool) -> int:
    shape = vocabulary_shape(space.vocabulary, space.indexer.retriever, FULL_SCOPE, limit=_PAGE, cursor=None)
    if as_json:
        print_json(shape.model_dump(mode="json"))
        return DONE
    for term in shape.terms:
        told = [", ".join(term.synonyms), term.definition or ""]
        told.append("never " + ", ".join(term.rejected) if term.rejected else "")
        told.append("in " + ", ".join(table.qualified_name for table in term.tables) if term.tables else "")
        print(f"{term.term}: {'; '.join(part for part in told if part)}  (by {term.by})")
    for one in shape.proposals:
        print(f"{one.term} = {one.meaning}?  {one.evidence} descriptions say so, confidence {one.confidence:.2f}")
    if not shape.terms and not shape.proposals:
        say("no terms yet, and no description teaches an abbreviation")
    return DONE


def _decide(space: Workspace, action: str, term: str | None) -> int:
    if term is None:
        raise BadRequest(f"name the term to {action}; `headwater vocabulary` lists what is proposed")
    found = open_proposals(space.vocabulary, space.indexer.retriever, FULL_SCOPE)
    proposal = next((one for one in found if one.term == fold(term)), None)
    if proposal is None:
        raise NotFound(f"nothing is proposed for {term}; `headwater vocabulary` lists what is")
    known = space.vocabulary.get(proposal.term, FULL_SCOPE)
    synonyms, rejected = (known.entry.synonyms, known.entry.rejected) if known else ((), ())
    if action == "accept":
        synonyms = (*synonyms, proposal.meaning)
    else:
        rejected = (*rejected, proposal.meaning)
    _put(space, known, proposal.term, synonyms, rejected)
    say(f"{proposal.term} {'means' if action == 'accept' else 'does not mean'} {proposal.meaning}")
    return DONE


def _put(space: Workspace, known: Term | None, term: str, synonyms: tuple[str, ...], rejected: tuple[str, ...]) -> None:
    entry = known.entry if known else Entry(term)
    changed = Entry(entry.term, synonyms, rejected, entry.definition, entry.tables)
    space.vocabulary.put(changed, _CLI, if_match=known.revision if known else None)


def _import(space: Workspace, name: str | None) -> int:
    """Terms of a CSV file, each in place of what was said of it; what was rejected stays so."""
    if name is None:
        raise BadRequest("name the file: headwater vocabulary import terms.csv")
    done, failed = 0, 0
    for line, row in _rows(Path(name)):
        try:
            known = space.vocabulary.get(row["term"], FULL_SCOPE)
            rejected = known.entry.rejected if known else ()
            tables = tuple(_table(space, table) for table in _list_of(row.get("tables")))
            entry = Entry(
                row["term"].strip(),
                _list_of(row.get("synonyms")),
                rejected,
                (row.get("definition") or "").strip() or None,
                tables,
            )
            space.vocabulary.put(entry, _CLI, if_match=known.revision if known else None)
            done += 1
        except HeadwaterError as error:
            failed += 1
            say(f"{name}, line {line}: {error.detail}")
    say(f"{done:,} terms brought in" + (f", {failed:,} lines left out" if failed else ""))
    return PARTLY if failed else DONE


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            unknown = [field for field in reader.fieldnames or [] if field not in _FIELDS]
            if "term" not in (reader.fieldnames or []) or unknown:
                raise BadRequest(f"{path} must have the headings {', '.join(_FIELDS)}, of which only term is needed")
            for row in reader:
                yield reader.line_num, {field: row.get(field) or "" for field in _FIELDS}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(f"{path} cannot be read: {error}") from error


def _list_of(text: str | None) -> tuple[str, ...]:
    """What stands between semicolons or bars: names hold commas."""
    return tuple(part.strip() for part in re.split(r"[;|]", text or "") if part.strip())


def _table(space: Workspace, name: str) -> AssetId:
    found = space.reader.by_name(name, FULL_SCOPE)
    if len(found) != 1:
        raise BadRequest(
            f"there is no table {name}" if not found else f"{name} is the name of {len(found)} tables; write more"
        )
    return found[0].id
