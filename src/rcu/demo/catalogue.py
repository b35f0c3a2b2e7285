"""What Maison Garance sells: things for the house."""

from __future__ import annotations

from dataclasses import dataclass

from rcu.demo.dice import Dice
from rcu.demo.trouble import without_accents
from rcu.ingestion.messages import TicketLine


@dataclass(frozen=True, slots=True)
class Product:
    """One article of the catalogue; its price is in cents, taxes included."""

    sku: str
    label: str
    category: str
    price_cents: int


_SHELVES: dict[str, tuple[tuple[str, int], ...]] = {
    "Linge de maison": (
        ("Housse de couette en lin 240x220", 14_900), ("Drap plat percale", 5_900),
        ("Taie d'oreiller rayée", 1_990), ("Plaid en laine", 8_900), ("Serviette de bain", 2_490),
        ("Peignoir nid d'abeille", 6_490), ("Torchons, lot de 3", 1_790), ("Nappe enduite", 4_490),
    ),
    "Vaisselle": (
        ("Assiette plate en grès", 1_290), ("Bol à soupe", 990), ("Verre à pied", 690),
        ("Saladier olivier", 4_990), ("Théière en fonte", 5_490), ("Tasse et sous-tasse", 1_490),
        ("Carafe soufflée", 2_990), ("Ménagère 24 pièces", 11_900),
    ),
    "Cuisine": (
        ("Cocotte 24 cm", 15_900), ("Couteau d'office", 1_890), ("Planche à découper", 3_290),
        ("Moule à tarte", 1_590), ("Balance de cuisine", 2_690), ("Poêle 28 cm", 4_590),
    ),
    "Bougies et senteurs": (
        ("Bougie figuier", 2_490), ("Diffuseur fleur de coton", 2_990), ("Savon de Marseille", 590),
        ("Brume d'oreiller", 1_690), ("Photophore", 1_290),
    ),
    "Décoration": (
        ("Vase en verre recyclé", 3_490), ("Cadre en chêne 30x40", 2_290),
        ("Coussin velours", 2_990), ("Miroir rond rotin", 7_900), ("Guirlande lumineuse", 2_190),
        ("Panier tressé", 2_790),
    ),
    "Petit mobilier": (
        ("Tabouret en pin", 5_900), ("Lampe à poser", 6_900), ("Table d'appoint", 9_900),
        ("Étagère murale", 4_900), ("Fauteuil cannage", 24_900),
    ),
    "Jardin": (
        ("Arrosoir zinc", 3_290), ("Cache-pot terre cuite", 1_490), ("Photophore lanterne", 2_490),
        ("Chilienne", 6_900),
    ),
}  # fmt: skip

PRODUCTS: tuple[Product, ...] = tuple(
    Product(f"{without_accents(shelf)[:2].upper()}{number:03}", label, shelf, price)
    for shelf, articles in _SHELVES.items()
    for number, (label, price) in enumerate(articles, start=1)
)

_CHEAP_CENTS = 3_000


def fill_basket(dice: Dice) -> list[TicketLine]:
    """Return the lines of one purchase: small things are bought more often, and several at once."""
    how_many = dice.weighted({1: 40, 2: 28, 3: 16, 4: 10, 6: 6})
    lines: dict[str, TicketLine] = {}
    while len(lines) < how_many:
        product = dice.one_of(PRODUCTS)
        if product.price_cents > _CHEAP_CENTS and dice.happens(0.5):
            continue
        quantity = dice.weighted({1: 80, 2: 14, 4: 6}) if product.price_cents < _CHEAP_CENTS else 1
        discount = product.price_cents * quantity // 5 if dice.happens(0.12) else 0
        lines[product.sku] = TicketLine(
            sku=product.sku,
            label=product.label,
            category=product.category,
            quantity=quantity,
            amount_cents=product.price_cents * quantity - discount,
            discount_cents=discount,
        )
    return list(lines.values())


def brought_back(lines: list[TicketLine], dice: Dice) -> list[TicketLine]:
    """Return one line of a purchase as the return of it: quantity and amount are negative."""
    line = dice.one_of(lines)
    return [
        line.model_copy(
            update={
                "quantity": -line.quantity,
                "amount_cents": -line.amount_cents,
                "discount_cents": -line.discount_cents,
            }
        )
    ]
