"""What words mean, from the terminal and over HTTP: proposed, decided, brought in, and then found by."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi.testclient import TestClient

from services.common.runtime.settings import Settings
from services.compose import create_all

LINES = [
    {"name": "sales", "columns": {"cust_id": "Identifier of the customer", "net": "Euros"}},
    {"name": "visits", "columns": {"cust_no": "Number of the customer who came", "day": "When"}},
    {"name": "claims", "columns": {"cust_ref": "Which customer complains", "reason": "Free text"}},
    {"name": "returns", "columns": {"cust_key": "Points at a customer", "piece": "What came back"}},
    {"name": "churn_by_month", "columns": {"month": "First day", "lost": "How many left"}},
    {"name": "cust", "columns": {"nr": "", "since": ""}},
]


def crawled(home: Path, quick) -> None:
    file = home.parent / "wh.jsonl"
    lines = [
        {
            "database": "wh",
            "name": line["name"],
            "columns": [{"name": n, "description": d} for n, d in line["columns"].items()],
        }
        for line in LINES
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    assert quick("crawl", f"metadata://{file}", home=home).code == 0


def test_a_proposal_is_accepted_or_rejected_and_a_glossary_brought_in(tmp_path, quick):
    """The list shows what is open; a decision closes it; a term of the glossary finds its table; importing twice is once."""
    home = tmp_path / "home"
    crawled(home, quick)
    rest = {"home": home}
    assert "cust = customer?  4 descriptions say so" in quick("vocabulary", **rest).out
    asked = json.loads(quick("search", "customer", "--json", **rest).out)
    why = {hit["name"]: " ".join(reason["text"] for reason in hit["why"]) for hit in asked["hits"]}
    assert "cust means customer (learned from 4 descriptions)" in why["cust"]
    assert quick("vocabulary", "reject", "CUST", **rest).code == 0
    assert "cust: never customer  (by cli)" in quick("vocabulary", **rest).out
    again = json.loads(quick("search", "customer", "--json", **rest).out)
    assert all("learned" not in reason["text"] for hit in again["hits"] for reason in hit["why"])
    assert quick("vocabulary", "accept", "cust", **rest).code == 1

    terms = tmp_path / "terms.csv"
    terms.write_text(
        "term,synonyms,definition,tables\nattrition,churn;customers lost,Who left,wh.churn_by_month\n?,x,,\ny,z,,nowhere\n"
    )
    for _ in range(2):
        done = quick("vocabulary", "import", str(terms), **rest)
        assert (done.code, "1 terms brought in, 2 lines left out" in done.err) == (3, True), done.err
    found = json.loads(quick("search", "attrition", "-k", "1", "--json", **rest).out)["hits"][0]
    assert found["name"] == "churn_by_month"
    assert "attrition is also called churn (vocabulary)" in " ".join(reason["text"] for reason in found["why"])
    assert quick("vocabulary", "import", str(tmp_path / "absent.csv"), **rest).code != 0


def test_terms_over_http(tmp_path, quick):
    """New without If-Match, changed with it, 428 and 412 else, taken away with nothing; broken bodies are 422."""
    home = tmp_path / "home"
    crawled(home, quick)
    with TestClient(
        create_all(Settings(home=home, model="hashing")), base_url="http://127.0.0.1", client=("127.0.0.1", 1)
    ) as client:
        url = "/api/v1/vocabulary"
        made = client.put(url, json={"term": "ARR", "synonyms": ["annual recurring revenue"]})
        assert made.status_code == 200, made.text
        assert (made.status_code, made.json()["etag"]) == (200, made.headers["ETag"])
        assert client.put(url, json={"term": "arr", "synonyms": ["x"]}).status_code == 428
        stale = client.put(url, json={"term": "arr", "synonyms": ["x"]}, headers={"If-Match": '"vocabulary.9"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
        changed = client.put(url, json={"term": "arr", "rejected": ["x"]}, headers={"If-Match": made.headers["ETag"]})
        assert changed.json()["rejected"] == ["x"]
        listed = client.get(url).json()
        assert [term["term"] for term in listed["terms"]] == ["arr"]
        for body in ({}, {"term": " "}, {"term": "a", "more": 1}, {"term": "a", "tables": ["nowhere"]}, [], "a"):
            assert client.put(url, json=body).status_code == 422, body
        assert client.get(f"{url}?cursor=A").status_code == 422
        assert client.put(url, json={"term": "arr"}, headers={"If-Match": changed.headers["ETag"]}).status_code == 204
        assert client.get(url).json()["terms"] == []
