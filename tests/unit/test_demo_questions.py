"""The judged questions of the sample warehouse: well formed, answerable where they say so, and hard where they say so.

They are what `headwater eval` measures on the demo, so a gold name that does not exist would silently lower the figure."""

import json
import re
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from services.demo import warehouse

QUESTIONS = Path(warehouse.__file__).with_name("questions.jsonl")
DECOY = re.compile(r"(_bak|_old|_v1|_\d{8})$|\.tmp_|\.scratch\.")
STOP_LIST = """
a about after all an and any anyone are as at be been before being but by can could did do does down each for from go had
has have he her his how i if in into is it its many may me more most much my no not of off on one or our out over per s
she should so some such than that the their them then there these they this those through to too under until up us was
we were what when where which while who whom whose why will with would you your
"""
STOP_WORDS = frozenset(STOP_LIST.split())


def stem(word):
    """The word without a plural, -ing or -ed ending and without a final e, so that `customers` meets `customer`."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word.removesuffix(ending).rstrip("e")
    return word.rstrip("e")


def content_words(text):
    """Stems of the words of a text or of identifiers, which are split at underscores, dots and capitals."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return {stem(word) for word in re.findall(r"[a-z0-9]+", spaced.lower()) if word not in STOP_WORDS}


def load():
    return [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]


def of_class(name):
    return [entry for entry in load() if entry["class"] == name]


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """Every table and view of a freshly built warehouse: its name to (its own and its columns' names, its comment)."""
    path = tmp_path_factory.mktemp("demo") / "retail.duckdb"
    warehouse.build_warehouse(path)
    with duckdb.connect(str(path), read_only=True) as connection:
        comments = connection.execute(
            """
            SELECT database_name, schema_name, table_name, comment FROM duckdb_tables() WHERE NOT internal
            UNION ALL
            SELECT database_name, schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal
            """
        ).fetchall()
        columns = connection.execute(
            """
            SELECT database_name, schema_name, table_name, string_agg(column_name, ' ')
            FROM duckdb_columns() WHERE NOT internal GROUP BY ALL
            """
        ).fetchall()
    names = {
        f"{database}.{schema}.{table}": f"{database} {schema} {table} {joined}"
        for database, schema, table, joined in columns
    }
    return {
        f"{database}.{schema}.{table}": (names[f"{database}.{schema}.{table}"], comment or "")
        for database, schema, table, comment in comments
    }


def test_counts_of_each_class():
    counts = Counter(entry["class"] for entry in load())
    assert set(counts) == {"words", "paraphrase", "none"}
    assert counts["words"] + counts["paraphrase"] == 60
    assert counts["paraphrase"] >= 22
    assert counts["none"] == 10


def test_only_the_class_none_has_no_gold():
    for entry in load():
        assert set(entry) == {"question", "gold", "class"}
        assert (entry["gold"] == []) == (entry["class"] == "none"), entry["question"]
        assert len(set(entry["gold"])) == len(entry["gold"]), entry["question"]


def test_no_question_is_asked_twice():
    asked = Counter(frozenset(content_words(entry["question"])) for entry in load())
    assert [sorted(words) for words, times in asked.items() if times > 1] == []


def test_every_gold_is_in_the_warehouse(described):
    gold = {name for entry in load() for name in entry["gold"]}
    assert gold - described.keys() == set()


def test_no_gold_is_a_decoy():
    assert [name for entry in load() for name in entry["gold"] if DECOY.search(name)] == []


def test_paraphrases_share_no_content_word_with_the_names_of_their_gold(described):
    shared = {
        (entry["question"], name): words
        for entry in of_class("paraphrase")
        for name in entry["gold"]
        if (words := content_words(entry["question"]) & content_words(described[name][0]))
    }
    assert shared == {}


def test_at_least_twenty_paraphrases_share_none_with_the_comments_of_their_gold_either(described):
    apart = [
        entry["question"]
        for entry in of_class("paraphrase")
        if not any(content_words(entry["question"]) & content_words(" ".join(described[name])) for name in entry["gold"])
    ]
    assert len(apart) >= 20


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many customers?", "crm.customer_addr"),
        ("Who was invoiced?", "ap_invoices"),
        ("any open items", "erp.arOpenItems"),
    ],
)
def test_the_rule_sees_through_plurals_endings_and_identifiers(question, text):
    assert content_words(question) & content_words(text)
