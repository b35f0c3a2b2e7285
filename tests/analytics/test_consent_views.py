"""What data teams read of consents: the proof, and what holds."""

from __future__ import annotations

from typing import Any

from tests.ingestion.shop import Shop, consent

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "emails": ["odile.vasseur@mail.example"],
}


async def test_what_holds_is_told_as_the_client_is_told(shop: Shop) -> None:
    odile = await shop.profile("eshop", "E1", **ODILE)
    stranger = consent("withdrawn", "marketing", email="a.stranger@mail.example")
    for source, said in (
        ("eshop", consent("granted", external_id="E1")),
        ("app", consent("withdrawn", minute=1, email="odile.vasseur@mail.example")),
        ("eshop", consent("denied", "profiling", external_id="E1")),
        ("eshop", consent("granted", "marketing", channel="sms", external_id="E1")),
        ("app", stranger),
    ):
        await shop.accept(source, "consent", said)

    rows = await shop.rows(
        "SELECT client_id, purpose, channel, status, since, consent_id, record_id "
        "FROM analytics.client_consents"
    )

    function = await shop.rows(
        "SELECT group_id, purpose, channel, status, since, consent_id, e.record_id FROM ("
        "    SELECT array_agg(client_id) AS clients, array_agg(id) AS ids FROM source_record"
        ") whole CROSS JOIN LATERAL effective_consents(clients, ids) e"
    )
    assert sorted(map(repr, rows)) == sorted(map(repr, function))
    held = await shop.rows(
        "SELECT purpose, channel, status, source FROM analytics.client_consents "
        "WHERE known ORDER BY purpose, channel"
    )
    assert [tuple(row) for row in held] == [
        ("marketing", "sms", "granted", "eshop"),
        ("newsletter", "email", "withdrawn", "app"),
        ("profiling", None, "denied", "eshop"),
    ]
    proof = await shop.rows("SELECT client_id, status, how, wording FROM analytics.consents")
    assert len(proof) == 5
    assert str(proof[0].client_id) == odile["client_id"]


async def test_purposes_say_their_ground(shop: Shop) -> None:
    [told] = await shop.rows("SELECT * FROM analytics.purposes WHERE purpose = 'newsletter'")

    assert (told.name_fr, told.legal_basis, told.channels) == (
        "Lettre d'information", "consent", "email",
    )  # fmt: skip
