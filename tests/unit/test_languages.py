"""Other languages and scripts: tables in German, French and Japanese are found as people there type, and told apart."""

from __future__ import annotations

import pytest

from services.common.model.access import FULL_SCOPE
from services.common.model.search import SearchQuery
from services.indexer.text.document import document_of
from services.indexer.text.segmenter import word_list
from services.indexer.text.tokens import tokens
from tests.support.feeds import asset, shop
from tests.support.indexes import retriever, snapshot_of

GERMAN = [
    asset(
        "wh.v.kunden",
        "kundennummer: Eindeutige Nummer des Kunden",
        "vorname",
        "geburtsdatum: Tag der Geburt",
        "strasse: Straße und Hausnummer",
        description="Stammdaten der Kunden",
    ),
    asset(
        "wh.v.rechnungen",
        "rechnungsnummer",
        "betrag: Betrag in Euro ohne Steuer",
        "fällig_am: Tag der Fälligkeit",
        "bezahlt",
        description="Alle Rechnungen",
    ),
    asset("wh.v.grössen", "artikelnummer", "größe: Maße in Zentimetern", "gewicht", description="Maße der Artikel"),
    asset("wh.v.lieferanten", "lieferant: Name der Firma Müller", "anschrift", description="Wer uns beliefert"),
]
FRENCH = [
    asset(
        "wh.f.clients",
        "numero_client: Numéro unique du client",
        "prenom: Prénom",
        "date_naissance: Jour de naissance",
        description="Données de base des clients",
    ),
    asset("wh.f.factures", "numero_facture", "montant: Montant hors taxes", "échéance", description="Toutes les factures"),
    asset("wh.f.vehicules", "immatriculation", "constructeur", "kilometrage", description="Parc automobile, garé à Nîmes"),
]
JAPANESE = [
    asset("wh.j.顧客", "顧客番号: 顧客の一意の番号", "氏名", "生年月日", "住所", description="顧客の基本情報"),
    asset("wh.j.売上明細", "売上日", "金額: 税抜きの金額", "店舗番号", description="日別の売上"),
    asset("wh.j.在庫", "商品コード: ｼｮｳﾋﾝの番号", "数量", "倉庫", description="倉庫ごとの在庫"),
]


def first(items, question):
    answer = retriever(snapshot_of([*items, *shop()])).search(SearchQuery(question, FULL_SCOPE, limit=1))
    by_id = {one.id: one.table for one in items}
    return by_id.get(answer.hits[0].id) if answer.hits else None


@pytest.mark.parametrize(
    ("question", "table"),
    [
        *(("Geburtsdatum", "kunden"), ("Straße", "kunden"), ("STRASSE", "kunden"), ("Hausnummer der Kunden", "kunden")),
        *(("fällig", "rechnungen"), ("faellig", "rechnungen"), ("fallig", "rechnungen"), ("Fälligkeit", "rechnungen")),
        *(("Größe", "grössen"), ("Groesse", "grössen"), ("grösse", "grössen"), ("Masse der Artikel", "grössen")),
        *(("Müller", "lieferanten"), ("Mueller", "lieferanten"), ("MULLER", "lieferanten")),
    ],
)
def test_german(question, table):
    """Umlauts and ß in every spelling that people type for them, in both directions."""
    assert first(GERMAN, question) == table


@pytest.mark.parametrize(
    ("question", "table"),
    [
        *(("prénom", "clients"), ("Prenom du client", "clients"), ("données de base", "clients"), ("naissance", "clients")),
        *(("échéance", "factures"), ("echeance", "factures"), ("ECHEANCE", "factures")),
        *(("véhicules", "vehicules"), ("nimes", "vehicules"), ("Nîmes", "vehicules")),
    ],
)
def test_french(question, table):
    """Accents may be there or not, in names and questions alike."""
    assert first(FRENCH, question) == table


@pytest.mark.parametrize(
    ("question", "table"),
    [
        *(("顧客", "顧客"), ("顧客の住所", "顧客"), ("生年月日", "顧客")),
        *(("売上", "売上明細"), ("税抜きの金額", "売上明細"), ("店舗", "売上明細")),
        *(("在庫の数量", "在庫"), ("商品コード", "在庫"), ("ショウヒン", "在庫"), ("倉庫", "在庫")),
    ],
)
def test_japanese(question, table):
    """Words without spaces by pairs of characters; half-width kana are the same letters."""
    assert first(JAPANESE, question) == table


def test_marks_of_other_scripts_stay():
    """A dakuten makes another syllable, so が is not か; accents of Latin, Greek and Cyrillic letters go."""
    assert tokens("が") != tokens("か")
    assert tokens("Ελλάδα") == tokens("ΕΛΛΑΔΑ")
    assert tokens("Łódź naïve") == ["lodz", "naive"]


@pytest.mark.skipif(word_list() is None, reason="the model's package, whose word list this is, is not installed")
def test_tables_outside_the_models_language_are_told_apart():
    """The index counts them; tables in English, abbreviated ones too, are not among them."""
    english = [
        *shop(),
        asset("wh.e.fct_ord_li", "ord_id", "cust_id: identifier of the customer", "net_amt: amount without tax", "upd_ts"),
        asset("wh.e.HASLEGALNAME", "LEGALNAMEID", "HASVALUE", "ISACTIVE"),
        asset("wh.e.t1", "a", "b", "c1", "x_y"),
    ]
    assert [one.table for one in english if document_of(one).record.foreign] == []
    others = [*GERMAN, *FRENCH, *JAPANESE]
    missed = [one.table for one in others if not document_of(one).record.foreign]
    assert len(missed) <= 1, missed
    assert snapshot_of([*english, *others]).n_foreign == len(others) - len(missed)
