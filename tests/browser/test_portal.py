"""The portal and the widget in a real browser: what people do with them, and what hostile names cannot do to them."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import Any

import pytest

from tests.browser.conftest import EDITOR, HOSTILE, LONG, READER, Site
from tests.support.browser import Browser
from tests.support.events import dataset, run_event, run_id

RESULTS = "document.querySelector('#results:not([hidden]):not([aria-busy]) .hit')"
ASSET = "document.querySelector('#asset:not([hidden]):not([aria-busy]) .lineage:not([aria-busy])')"
OPTIONS = "[...document.querySelectorAll('#suggestions [role=option] .path')].map((one) => one.textContent)"


def shown(browser: Browser, address: str, ready: str) -> None:
    """Load an address and wait until it shows what it is for."""
    browser.open(address)
    browser.wait(ready)


def text(browser: Browser, selector: str) -> str:
    return str(browser.evaluate(f"document.querySelector({json.dumps(selector)}).textContent"))


def click(browser: Browser, selector: str) -> None:
    browser.evaluate(f"document.querySelector({json.dumps(selector)}).click()")


def test_the_start_page_has_the_focus_in_the_search_box_and_tells_of_sources(browser: Browser, site: Site) -> None:
    shown(browser, f"{site.catalog}/", "document.querySelector('.source')")
    assert browser.evaluate("document.activeElement.id") == "q"
    told = text(browser, ".source")
    assert "shop" in told
    assert "8 tables · 3 views" in told
    assert "crawled" in told


def test_the_keys_that_people_expect_lead_to_the_search_box(browser: Browser, site: Site) -> None:
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('orders')}", ASSET)
    assert browser.evaluate("document.activeElement.tagName") == "H1"
    browser.press("/")
    assert browser.evaluate("document.activeElement.id + document.activeElement.value") == "q"
    browser.evaluate("document.activeElement.blur()")
    browser.press("k", ctrl=True)
    browser.press("/")
    assert browser.evaluate("document.activeElement.id + document.activeElement.value") == "q/"


def test_suggestions_come_while_typing_and_are_chosen_with_the_keyboard(browser: Browser, site: Site) -> None:
    shown(browser, f"{site.catalog}/", "document.activeElement.id === 'q'")
    browser.type("orders")
    browser.wait(f"{OPTIONS}.length === 2")
    assert browser.evaluate("document.getElementById('q').getAttribute('aria-expanded')") == "true"
    assert browser.evaluate("document.getElementById('q').hasAttribute('aria-activedescendant')") is False
    browser.press("ArrowDown")
    browser.press("ArrowDown")
    active = "document.getElementById(document.getElementById('q').getAttribute('aria-activedescendant'))"
    assert browser.evaluate(f"{active}.getAttribute('aria-selected')") == "true"
    assert browser.evaluate(f"{active}.querySelector('.path').textContent") == browser.evaluate(f"{OPTIONS}[1]")
    browser.press("Escape")
    assert browser.evaluate("document.getElementById('panel').hidden") is True
    browser.press("ArrowDown")
    browser.wait("!document.getElementById('panel').hidden")
    browser.press("ArrowDown")
    browser.press("Enter")
    browser.wait(ASSET)
    assert browser.evaluate("location.hash") == f"#/asset/{site.id_of('orders')}"


def test_every_state_of_a_search_is_an_address_and_back_works(browser: Browser, site: Site) -> None:
    shown(browser, f"{site.catalog}/", "document.activeElement.id === 'q'")
    browser.type("orders")
    browser.press("Enter")
    browser.wait(RESULTS)
    assert browser.evaluate("location.search") == "?q=orders"
    click(browser, ".facets a[href*='kind=view']")
    browser.wait(f"location.search === '?q=orders&kind=view' && {RESULTS} && document.querySelector('.chosen')")
    assert set(browser.evaluate("[...document.querySelectorAll('.hit .badge')].map((one) => one.textContent)")) == {"view"}
    click(browser, ".hit h2 a")
    browser.wait(ASSET)
    browser.evaluate("history.back()")
    browser.wait(f"location.hash === '' && {RESULTS}")
    browser.evaluate("history.back()")
    browser.wait(f"location.search === '?q=orders' && {RESULTS} && !document.querySelector('.chosen')")
    assert browser.evaluate("document.getElementById('q').value") == "orders"


def test_a_result_says_why_it_stands_there_and_what_matched(browser: Browser, site: Site) -> None:
    shown(browser, f"{site.catalog}/?q=orders+total", RESULTS)
    first = site.ask("/search", params={"q": "orders total"}).json()["hits"][0]
    assert text(browser, ".hit .name") == first["name"]
    why = browser.evaluate("[...document.querySelectorAll('.hit:first-child .reason')].map((one) => one.textContent)")
    assert why == [reason["text"] for reason in first["why"]]
    assert first["columns"] == browser.evaluate(
        "[...document.querySelectorAll('.hit:first-child .matched code')].map((c) => c.textContent)"
    )


def test_the_tables_that_answer_together_are_shown_when_asked_for(browser: Browser, site: Site) -> None:
    shown(browser, f"{site.catalog}/?q=orders+total", RESULTS)
    browser.evaluate("[...document.querySelectorAll('.found .tools button')].at(-1).click()")
    browser.wait("document.querySelector('[aria-label=\"Tables of the set\"] a')")
    answer = site.ask("/search", params={"q": "orders total", "answer": "tables"}).json()["answer"]
    names = browser.evaluate(
        "[...document.querySelectorAll('[aria-label=\"Tables of the set\"] a')].map((a) => a.textContent)"
    )
    assert names == [table["qualified_name"] for table in answer["tables"]]
    assert text(browser, ".found pre") == answer["sql"]


def test_a_misspelt_word_is_shown_with_what_it_was_read_as(browser: Browser, site: Site) -> None:
    """On the page and in the widget; a question that was read as it was typed has no such line."""
    shown(browser, f"{site.catalog}/?q=ordres+total", RESULTS)
    assert "Read “ordres” as “orders”." in text(browser, ".found")
    shown(browser, f"{site.catalog}/?q=orders+total", RESULTS)
    assert "Read “" not in text(browser, ".found")
    shown(browser, f"{site.host}/", "document.querySelector('headwater-search').shadowRoot")
    browser.evaluate("document.querySelector('headwater-search').focus()")
    browser.type("ordres total")
    note = "document.querySelector('headwater-search').shadowRoot.querySelector('.note').textContent"
    browser.wait(f"{note}.includes('Read “ordres” as “orders”.')")


def test_an_answer_that_is_probably_none_says_so(browser: Browser, site: Site) -> None:
    asked = site.ask("/search", params={"q": "taxidermy of unicorns"}).json()
    assert asked["hits"], "the test needs hits that answer nothing"
    assert asked["answerable"] < 0.15
    shown(browser, f"{site.catalog}/?q=taxidermy+of+unicorns", RESULTS)
    assert "Probably nothing here answers this" in text(browser, ".found")


def test_a_long_name_breaks_between_its_words(browser: Browser, site: Site) -> None:
    """On a narrow page; a search in the text still finds it whole."""
    browser.look(width=320, height=740)
    shown(browser, f"{site.catalog}/?q=orders_by_month", RESULTS)
    name = "[...document.querySelectorAll('.hit .name')].find((one) => one.textContent === 'orders_by_month')"
    assert browser.evaluate(f"[...{name}.childNodes].map((one) => one.nodeName + (one.data ?? ''))") == [
        "#textorders_",
        "WBR",
        "#textby_",
        "WBR",
        "#textmonth",
    ]
    broken = f"(() => {{ const one = {name}; one.style.display = 'inline-block'; one.style.width = '5rem'; const y = [...one.childNodes].filter((n) => n.data).map((n) => {{ const r = document.createRange(); r.selectNode(n); return r.getClientRects().length; }}); return y; }})()"
    assert browser.evaluate(broken) == [1, 1, 1]  # each word stands on one line
    browser.look()


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: name[:12].encode("ascii", "replace").decode())
def test_hostile_names_and_texts_are_text_and_stay_inside_a_narrow_page(browser: Browser, site: Site, name: str) -> None:
    browser.look(width=320, height=740)
    shown(browser, f"{site.catalog}/?source=shop#/asset/{site.id_of(name)}", ASSET)
    assert text(browser, "#asset h1") == name.replace("\u202e", "\\u202e")
    if "description" in HOSTILE[name]:
        assert text(browser, ".lead-text .words") == HOSTILE[name]["description"].replace("\u202e", "\\u202e")
    _nothing_ran(browser)
    browser.evaluate("history.pushState(null, '', '?source=shop'); dispatchEvent(new PopStateEvent('popstate'))")
    browser.wait(RESULTS)
    _nothing_ran(browser)


def _nothing_ran(browser: Browser) -> None:
    assert browser.evaluate("window.pwned ?? null") is None
    assert browser.evaluate("document.querySelectorAll('main :is(img, svg, script, b, i, iframe)').length") == 0
    assert browser.evaluate(
        "[...document.links].every((link) => link.protocol === 'http:' && link.origin === location.origin)"
    )
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"


def test_a_wide_table_is_drawn_in_part_and_narrowed_by_typing(browser: Browser, site: Site) -> None:
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('wide')}/metric_0007", ASSET)
    rows = "document.querySelectorAll('.columns tbody tr').length"
    assert browser.evaluate(rows) == 200
    assert text(browser, ".pointed code") == "metric_0007"
    browser.evaluate("document.querySelector('#asset input[type=search]').focus()")
    browser.type("METRIC_149")
    browser.wait(f"{rows} === 10")
    browser.evaluate(f"location.hash = '#/asset/{site.id_of('wide')}/metric_1300'")
    browser.wait("document.querySelector('.pointed code').textContent === 'metric_1300'")


def test_lineage_goes_one_hop_and_further_by_a_button(browser: Browser, site: Site) -> None:
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('orders')}", f"{ASSET} && document.querySelector('.ways .node')")
    assert text(browser, ".ways > div:last-child .node .name") == "orders_by_month"
    click(browser, ".ways .further")
    browser.wait("document.querySelector('.below p, .below ul')")
    assert browser.evaluate("document.querySelector('.ways .further').getAttribute('aria-expanded')") == "true"


def _edit(browser: Browser, words: str) -> None:
    browser.evaluate("document.querySelector('.lead-text .edit').click()")
    browser.evaluate(f"document.querySelector('.lead-text textarea').value = {json.dumps(words)}")
    click(browser, ".lead-text form button[type=submit]")


def test_an_editor_rewrites_a_description_and_the_history_tells(browser: Browser, site: Site) -> None:
    asset = site.id_of("orders_by_month")
    shown(browser, f"{site.catalog}/#/asset/{asset}", ASSET)
    _edit(browser, "Counted <b>by</b> month of payment.")
    browser.wait("document.querySelector('.lead-text .words')?.textContent === 'Counted <b>by</b> month of payment.'")
    assert "Orders a month." in text(browser, ".lead-text"), "what the source says stays in sight"
    assert site.ask(f"/assets/{asset}").json()["description"] == "Counted <b>by</b> month of payment."
    browser.evaluate("document.querySelector('.history').open = true")
    browser.wait("document.querySelector('.history li strong')?.textContent === 'eve'")


def test_who_may_only_read_is_told_so_and_keeps_the_text(browser: Browser, site: Site) -> None:
    browser.evaluate(f"sessionStorage.setItem('headwater.token', {json.dumps(READER)})")
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('orders')}", ASSET)
    _edit(browser, "Mine")
    browser.wait("document.querySelector('.lead-text [role=alert] .problem')")
    assert text(browser, ".lead-text [role=alert]") == "Not saved: ann is reader; this needs editor"
    assert browser.evaluate("document.querySelector('.lead-text textarea').value") == "Mine"
    assert site.ask(f"/assets/{site.id_of('orders')}").json()["description"] == "One row an order."


def test_a_change_in_the_meantime_is_shown_before_it_is_overwritten(browser: Browser, site: Site) -> None:
    asset = site.id_of("wide")
    shown(browser, f"{site.catalog}/#/asset/{asset}", ASSET)
    tag = site.ask(f"/assets/{asset}").headers["ETag"]
    theirs = {"description": "Theirs"}
    assert site.ask(f"/assets/{asset}", method="PATCH", json=theirs, headers={"If-Match": tag}).status_code == 200
    _edit(browser, "Mine")
    browser.wait("document.querySelector('.lead-text [role=alert] button')")
    assert "somebody changed this" in text(browser, ".lead-text [role=alert]")
    assert site.ask(f"/assets/{asset}").json()["description"] == "Theirs"
    click(browser, ".lead-text [role=alert] button")
    browser.wait("document.querySelector('.lead-text [role=alert]').textContent.includes('Theirs')")
    click(browser, ".lead-text form button[type=submit]")
    browser.wait("document.querySelector('.lead-text .words')?.textContent === 'Mine'")


def test_a_token_is_asked_for_once_and_kept_in_the_tab_only(browser: Browser, site: Site) -> None:
    browser.evaluate("sessionStorage.clear()")
    shown(browser, f"{site.catalog}/?q=orders", "document.getElementById('token-dialog').open")
    browser.type("wrong")
    browser.press("Enter")
    browser.wait("document.getElementById('token-why').textContent.includes('nobody has this token')")
    browser.type(EDITOR)
    browser.press("Enter")
    browser.wait(RESULTS)
    assert browser.evaluate("[sessionStorage.getItem('headwater.token'), localStorage.length, document.cookie]") == [
        EDITOR,
        0,
        "",
    ]
    assert browser.evaluate("document.getElementById('forget').hidden") is False
    # a 401 is told by the browser's own log as well
    browser.problems[:] = [one for one in browser.problems if "401" not in one]


def _in_widget(browser: Browser, expression: str) -> Any:
    return browser.evaluate(f"((root) => {expression})(document.querySelector('headwater-search').shadowRoot)")


def test_the_widget_works_on_another_origin_under_a_strict_policy(browser: Browser, site: Site) -> None:
    shown(browser, f"{site.host}/", "document.querySelector('headwater-search').shadowRoot")
    box = "document.querySelector('headwater-search')"
    assert _in_widget(browser, "getComputedStyle(root.querySelector('input')).display") != "none", "the host's sheet got in"
    assert _in_widget(browser, "root.querySelector('input').placeholder") == "Find data"
    browser.evaluate(f"{box}.focus()")
    browser.type("img_onerror")
    browser.wait(f"{box}.shadowRoot.querySelector('[role=option] .name')?.textContent === 'img_onerror'")
    assert browser.evaluate("window.asked") >= 1
    assert _in_widget(browser, "root.querySelectorAll('[role=option]').length") <= 3
    assert (
        _in_widget(browser, "root.getElementById(root.querySelector('input').getAttribute('aria-controls')).role")
        == "listbox"
    )
    assert _in_widget(browser, "root.querySelectorAll('img, script, style').length") == 0
    browser.press("ArrowDown")
    browser.press("Enter")
    browser.wait("window.chosen")
    assert browser.evaluate("window.chosen.id") == site.id_of("img_onerror")
    assert browser.evaluate("location.pathname") == "/"


def test_a_name_of_five_thousand_characters_fits_the_suggestions(browser: Browser, site: Site) -> None:
    browser.look(width=320, height=740)
    shown(browser, f"{site.catalog}/", "document.activeElement.id === 'q'")
    browser.type(LONG[:40])
    browser.wait(f"{OPTIONS}.length === 1")
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_table_that_queries_do_use_with_it_is_among_the_first_few_that_are_shown(browser: Browser, site: Site) -> None:
    """It stands last where names and texts alone fill the list; else the first five are shown as they come."""
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('orders')}", ASSET)
    told = (
        "import(new URL('static/related.js', document.baseURI)).then(({{ shortened }}) => {{"
        " const items = [...'{bases}'].map((one, place) => ({{ id: place, basis: one === 'o' ? 'observed' : 'inferred' }}));"
        " return shortened(items).map((one) => one.id).join(' '); }})"
    )
    found = [browser.evaluate(told.format(bases=bases)) for bases in ("iiiiiiio", "ioiiiioo", "iiiiii", "iio", "")]
    assert found == ["0 1 2 3 7", "0 1 2 3 4", "0 1 2 3 4", "0 1 2", ""]


def test_what_is_used_together_says_on_what_basis_and_how_likely_it_is(browser: Browser, site: Site) -> None:
    """As `headwater related` does: without a log all of it is inferred."""
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('orders')}", ASSET)
    browser.wait("document.querySelector('.related:not([aria-busy]) li')")
    told = browser.evaluate("[...document.querySelectorAll('.related li .small')].map((one) => one.textContent)")
    first = site.ask(f"/assets/{site.id_of('orders')}/related").json()["items"][0]
    share = f"{int(100 * first['probability'] + 0.5)} %"  # as JavaScript rounds
    assert told[0] == f"inferred · the next table in {share} of cases · {first['reasons'][0]}"
    assert all(one.startswith("inferred · the next table in ") for one in told)


def test_a_job_shows_its_last_run_and_what_it_reads_and_writes(browser: Browser, site: Site) -> None:
    """Its name leads to its page, and no set of tables answers what only jobs do."""
    asset = site.ask(f"/assets/{site.id_of('orders')}").json()
    named = dataset(asset["qualified_name"], asset["namespace"])
    event = run_event("COMPLETE", "2026-11-01T10:00:00Z", job="nightly_zebra", inputs=[named], outputs=[dataset("lake.zoo")])
    assert site.ask("/lineage", method="POST", json=event).status_code == 201
    shown(browser, f"{site.catalog}/?q=nightly_zebra&kind=job", RESULTS)
    browser.wait("document.querySelector('.hit .job:not([aria-busy])')")
    assert browser.evaluate("document.querySelector('.hit h2 a').hash").startswith("#/job/")
    told = text(browser, ".hit .job")
    assert "Last run completed" in told
    assert f"Reads {asset['qualified_name']}" in told
    assert "Writes lake.zoo" in told
    assert browser.evaluate("document.querySelector('.hit .job a').hash") == f"#/asset/{site.id_of('orders')}"
    offers = "[...document.querySelectorAll('#results button')].filter((one) => /together/.test(one.textContent)).length"
    assert browser.evaluate(offers) == 0
    shown(browser, f"{site.catalog}/?q=orders", RESULTS)
    assert browser.evaluate(offers) == 1


def _sent_runs(site: Site) -> str:
    """Runs of a job from `orders` to a dataset that only events name; the job's id."""
    now = dt.datetime.now(dt.UTC)
    namespace = site.ask(f"/assets/{site.id_of('orders')}").json()["namespace"]
    ends = {"inputs": [dataset("shop.main.orders", namespace)], "outputs": [dataset("exported", "s3://lake")]}
    failed = {
        "errorMessage": {"_producer": "p", "_schemaURL": "s", "message": "could not connect", "programmingLanguage": "py"}
    }
    for at, state in enumerate(("COMPLETE", "FAIL"), 1):
        begin = now - dt.timedelta(hours=at)
        for kind, when in (("START", begin), (state, begin + dt.timedelta(seconds=90))):
            facets = failed if kind == "FAIL" else {}
            event = run_event(kind, when.isoformat(), f"exports {at}", "exports", run_facets=facets, **ends)
            assert site.ask("/lineage", method="POST", json=event).status_code in (200, 201)
    for _ in range(100):  # until the catalog has followed
        found = site.ask("/assets", params={"name": "exported"}).json()["assets"]
        if found:
            break
        time.sleep(0.1)
    return str(site.ask("/jobs", params={"q": "exports"}).json()["jobs"][0]["id"])


def test_a_job_has_a_page_with_its_runs(browser: Browser, site: Site) -> None:
    """States, how long each took, what went wrong, what it reads and writes; a link points at one run."""
    job = _sent_runs(site)
    ready = "document.querySelector('#job:not([hidden]):not([aria-busy]) .runs')"
    for width, dark in ((1280, False), (320, True)):
        browser.look(width=width, dark=dark)
        shown(browser, f"{site.catalog}/#/job/{job}/{run_id('exports 2')}", ready)
        rows = browser.evaluate(
            "[...document.querySelectorAll('.runs tbody tr')].map((r) => [...r.querySelectorAll('td')].map((c) => c.textContent))"
        )
        assert [(row[0], row[2], row[3]) for row in rows] == [
            ("completed", "1 min 30 s", ""),
            ("failed", "1 min 30 s", "could not connect"),
        ]
        assert "failed" in text(browser, ".runs .pointed")
        links = browser.evaluate("[...document.querySelectorAll('#job aside a')].map((a) => a.textContent)")
        assert links == ["shop.main.orders", "exported"]
        assert browser.evaluate("document.title").startswith("exports")
        _nothing_ran(browser)
    shown(browser, f"{site.catalog}/#/job/nonsense", "document.querySelector('#job:not([hidden]) .notice')")
    assert "may not see" in text(browser, "#job")


def test_what_only_events_name_is_a_link_with_its_job_and_no_crawl(browser: Browser, site: Site) -> None:
    """In the lineage of what it is made from; its own page does not speak of crawls."""
    _sent_runs(site)
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('orders')}", ASSET)
    browser.wait("document.querySelector('.lineage a[href^=\"#/job/\"]')")
    assert "known from events only" in text(browser, ".lineage")
    browser.wait("!document.querySelector('.jobs').hidden")
    assert "reads it" in text(browser, ".jobs")
    browser.evaluate("[...document.querySelectorAll('.lineage .node a')].find((a) => a.textContent === 'exported').click()")
    browser.wait(f"document.querySelector('#asset h1')?.textContent === 'exported' && {ASSET}")
    facts = text(browser, "aside dl")
    assert text(browser, "#asset .marks .badge") == "known from events only"
    assert "Last named by an event" in facts
    assert "crawled" not in facts


def test_a_column_shows_where_it_comes_from_and_a_change_whom_it_affects(browser: Browser, site: Site) -> None:
    """Kinds of use and what only decides about rows; who is affected by dropping the column, and by dropping the table."""
    browser.look(width=320)
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('payments_by_state')}/total", ASSET)
    browser.wait("document.querySelector('.column-lineage .across h3')")
    assert browser.evaluate("document.querySelectorAll('.impact select')[1].value") == "total"
    came = text(browser, ".across > div")
    assert "amountaggregation" in came
    assert came.index("Only decides which rows") < came.index("state")
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('payments')}", ASSET)
    for column, change, expected in (
        ("amount", "drop", "values"),
        ("state", "retype", "only which rows"),
        ("", "drop", "values"),
    ):
        browser.evaluate(
            "(() => { const [change, what] = document.querySelectorAll('.impact select');"
            f" change.value = {json.dumps(change)}; what.value = {json.dumps(column)}; what.dispatchEvent(new Event('change'));"
            " document.querySelector('.impact-answer').replaceChildren(); document.querySelector('.impact button').click(); })()"
        )
        browser.wait("document.querySelector('.affected li') && !document.querySelector('.impact [aria-busy]')")
        assert "payments_by_state" in text(browser, ".affected li")
        assert expected in text(browser, ".affected li .badge")
    browser.evaluate(
        "(() => { const [change, what] = document.querySelectorAll('.impact select'); change.value = 'retype';"
        " what.value = ''; what.dispatchEvent(new Event('change')); })()"
    )
    assert browser.evaluate("document.querySelector('.impact button').disabled") is True
    shown(browser, f"{site.catalog}/#/asset/{site.id_of('payments')}/<b>amuont", ASSET)
    browser.wait("document.querySelector('.column-lineage .across p')")
    assert "not known to have a column <b>amuont" in text(browser, ".column-lineage .across")
    _nothing_ran(browser)
