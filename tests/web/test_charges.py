"""Staff's pages of charges, products and the ledger."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

from invigilation.charge import ChargeState, Price
from invigilation.desk.requests import Ask
from tests.web.office import ANA, BACKEND, SAM, World


async def test_a_charge_is_added_to_a_learners_request(world: World) -> None:
    asked = await world.asked(1)
    await world.asked(2, name="Maria Lopez")
    sam = await world.staff(SAM)

    both = await sam.get("/staff/charges/add?words=maria")
    form = await sam.get("/staff/charges/add?words=santos")
    entered = {"request": asked.request.id, "words": "santos", "product": "expedited"}
    page = "/staff/charges/add?words=santos"
    without = await sam.post("/staff/charges/add", entered, page=page)
    added = await sam.post(
        "/staff/charges/add", {**entered, "note": "She asked by phone"}, page=page
    )

    assert "Whose request is it?" in both.words
    assert "Maria Lopez" in both.words
    assert "Expedited service £59.94, £9.99 VAT included" in form.words
    assert without.status == 422
    assert 'href="#note"' in without.text
    assert added.to == "/staff/charges?done=added"
    listed = await sam.get(added.to)
    assert "Maria Santos learner1@example.org Due £49.95 £9.99 (20 %) £59.94" in listed.words


async def test_nobody_found_is_said(world: World) -> None:
    sam = await world.staff(SAM)

    page = await sam.get("/staff/charges/add?words=nobody")

    assert "Nobody like this has a request" in page.words


async def test_charges_are_narrowed_by_state(world: World) -> None:
    asked = await world.asked()
    charge = await world.desk.charges.add(SAM, asked.request.id, "expedited", "by phone")
    await world.desk.charges.waive(charge.id, SAM, "In hospital")
    sam = await world.staff(SAM)

    usual = await sam.get("/staff/charges")
    waived = await sam.get("/staff/charges?state=waived")
    named = await sam.get("/staff/charges?state=all&words=santos")
    nonsense = await sam.get("/staff/charges?state=nonsense&words=%00")

    assert "No charge is held or due" in usual.words
    assert "Maria Santos" in waived.words
    assert "Maria Santos" in named.words
    assert nonsense.status == 200


async def test_a_charge_shows_who_moved_it_and_why(world: World) -> None:
    asked = await world.asked()
    charge = await world.desk.charges.add(SAM, asked.request.id, "expedited", "She asked by phone")
    await world.desk.charges.waive(charge.id, SAM, "In hospital")
    sam = await world.staff(SAM)

    page = await sam.get(f"/staff/charges/{charge.id}")

    for words in ("Waived", "She asked by phone", "In hospital", "Sam Field (scheduler)"):
        assert words in page.words
    assert "Waive it" not in page.words
    assert (await sam.get("/staff/charges/ch_none")).status == 404


async def test_products_are_added_changed_and_retired(world: World) -> None:
    sam = await world.staff(SAM)
    new = {"title": "Late change", "code": "late_change", "net": "£1,234.50", "vat": "17.5 %"}

    added = await sam.post("/staff/products", new)
    listed = await sam.get(added.to)
    again = await sam.post("/staff/products", new)
    page = "/staff/products/late_change"
    changed = await sam.post(page, {"title": "Late change", "net": "20", "vat": "20"})
    retired = await sam.post(page, {"verb": "retire"})

    assert added.to == "/staff/products?done=added"
    assert "Late change Code: late_change £1,234.50 £216.04 (17.5 %) £1,450.54" in listed.words
    assert again.status == 422
    assert "There is a product late_change already." in again.words
    assert changed.to == "/staff/products?done=changed"
    assert retired.to == "/staff/products?done=retired"
    products = {one.code: one for one in await world.desk.products.all(SAM)}
    assert products["late_change"].price == Price(2_000, 2_000)
    assert not products["late_change"].active


async def test_a_price_that_is_none_is_refused_and_what_was_typed_stays(world: World) -> None:
    sam = await world.staff(SAM)

    for net, vat, field in (
        ("49.9", "20", "net"),
        ("49,95", "20", "net"),
        ("-1", "20", "net"),
        ("1e3", "20", "net"),
        ("0", "20", "net"),
        ("5", "200", "vat"),
        ("5", "x", "vat"),
    ):
        entered = {"title": "Late change", "code": "late", "net": net, "vat": vat}
        answer = await sam.post("/staff/products", entered)

        assert answer.status == 422, (net, vat)
        assert f'href="#{field}"' in answer.text, (net, vat)
        assert f'value="{net}"' in answer.text


async def test_the_ledger_is_a_file_that_no_spreadsheet_runs(world: World) -> None:
    asked = await world.desk.requests.ask(
        Ask(
            BACKEND,
            "entitlement-9",
            "=HYPERLINK(1)",
            "Maria Santos",
            "maria@example.org",
            "ISPS-SSO",
            datetime(2027, 3, 1, tzinfo=UTC),
        )
    )
    charge = await world.desk.charges.add(SAM, asked.request.id, "expedited", "by phone")
    world.clock.move_to(world.clock.at + timedelta(minutes=5))
    await world.desk.charges.pay(charge.id, SAM, "@bank, 77")
    sam = await world.staff(SAM)

    answer = await sam.get("/staff/charges/ledger.csv?from=2026-11-18&to=2026-11-18")

    assert answer.header("Content-Type").startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["From state"], row["To state"]) for row in rows] == [
        ("", ChargeState.DUE),
        (ChargeState.DUE, ChargeState.SETTLED),
    ]
    last = rows[-1]
    assert (last["Net"], last["VAT"], last["Gross"], last["Currency"]) == (
        "49.95",
        "9.99",
        "59.94",
        "GBP",
    )
    assert (last["Learner reference"], last["Reference"]) == ("'=HYPERLINK(1)", "'@bank, 77")
    assert (last["Provider"], last["Product"], last["Charge"]) == ("manual", "expedited", charge.id)
    assert last["Date (UTC)"] == last["Date (London)"] == "2026-11-18 09:05"


async def test_the_ledger_asks_for_days_that_it_can_have(world: World) -> None:
    sam = await world.staff(SAM)

    page = await sam.get("/staff/charges/ledger")
    wrong = [
        await sam.get(f"/staff/charges/ledger.csv?from={first}&to={last}")
        for first, last in (
            ("", ""),
            ("x", "2026-11-18"),
            ("2026-11-19", "2026-11-17"),
            ("2020-01-01", "2026-11-18"),
        )
    ]

    assert "October 2026 (CSV file)" in page.words
    assert [one.status for one in wrong] == [422] * 4


async def test_invigilators_have_no_business_here(world: World) -> None:
    ana = await world.staff(ANA)

    paths = ("charges", "charges/add", "charges/ledger", "charges/ledger.csv", "products")
    answers = [await ana.get(f"/staff/{path}") for path in paths]

    assert {one.status for one in answers} == {403}
