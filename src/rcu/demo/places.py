"""Where the demo retailer is: its stores, and the towns its clients live in."""

from __future__ import annotations

from dataclasses import dataclass

from rcu.sales.stores import StoreDetails


@dataclass(frozen=True, slots=True)
class Town:
    """A town with its postcode, and the store its people go to."""

    postcode: str
    city: str
    store: str


STORES = (
    StoreDetails("LIL", "Maison Garance Lille", "59000", "Lille"),
    StoreDetails("ROU", "Maison Garance Rouen", "76000", "Rouen"),
    StoreDetails("NAN", "Maison Garance Nantes", "44000", "Nantes"),
    StoreDetails("BDX", "Maison Garance Bordeaux", "33000", "Bordeaux"),
    StoreDetails("MPL", "Maison Garance Montpellier", "34000", "Montpellier"),
    StoreDetails("LYO", "Maison Garance Lyon", "69002", "Lyon"),
    StoreDetails("STR", "Maison Garance Strasbourg", "67000", "Strasbourg"),
)

TOWNS = (
    Town("59000", "Lille", "LIL"), Town("59800", "Lille", "LIL"), Town("59100", "Roubaix", "LIL"),
    Town("59650", "Villeneuve-d'Ascq", "LIL"), Town("62000", "Arras", "LIL"),
    Town("76000", "Rouen", "ROU"), Town("76100", "Rouen", "ROU"), Town("27400", "Louviers", "ROU"),
    Town("76130", "Mont-Saint-Aignan", "ROU"), Town("76600", "Le Havre", "ROU"),
    Town("44000", "Nantes", "NAN"), Town("44300", "Nantes", "NAN"),
    Town("44800", "Saint-Herblain", "NAN"), Town("44600", "Saint-Nazaire", "NAN"),
    Town("49100", "Angers", "NAN"), Town("33000", "Bordeaux", "BDX"),
    Town("33200", "Bordeaux", "BDX"), Town("33600", "Pessac", "BDX"),
    Town("33120", "Arcachon", "BDX"), Town("33500", "Libourne", "BDX"),
    Town("34000", "Montpellier", "MPL"), Town("34080", "Montpellier", "MPL"),
    Town("34200", "Sète", "MPL"), Town("34170", "Castelnau-le-Lez", "MPL"),
    Town("30000", "Nîmes", "MPL"), Town("69002", "Lyon", "LYO"), Town("69007", "Lyon", "LYO"),
    Town("69100", "Villeurbanne", "LYO"), Town("69600", "Oullins", "LYO"),
    Town("38200", "Vienne", "LYO"), Town("67000", "Strasbourg", "STR"),
    Town("67200", "Strasbourg", "STR"), Town("67300", "Schiltigheim", "STR"),
    Town("67400", "Illkirch-Graffenstaden", "STR"), Town("67500", "Haguenau", "STR"),
)  # fmt: skip

LANDLINE_PREFIXES = {
    "LIL": "0353 01", "ROU": "0261 91", "NAN": "0261 91", "BDX": "0536 49",
    "MPL": "0465 71", "LYO": "0465 71", "STR": "0353 01",
}  # fmt: skip
"""Blocks that the French numbering plan (Arcep) keeps for films and books: they reach nobody."""

MOBILE_PREFIX = "0639 98"

STREETS = (
    "rue de la République", "rue Victor-Hugo", "avenue Jean-Jaurès", "boulevard Gambetta",
    "rue des Lilas", "rue du Moulin", "place de l'Église", "chemin des Vignes", "rue Pasteur",
    "impasse des Acacias", "avenue du Général-Leclerc", "rue Saint-Martin", "allée des Tilleuls",
    "route de la Gare", "rue Jules-Ferry", "quai des Tanneurs", "rue du Faubourg-Saint-Jean",
    "rue Émile-Zola", "boulevard de la Liberté", "rue des Écoles", "square Molière", "rue Haute",
    "rue de l'Abbaye", "avenue des Platanes", "rue Marie-Curie", "passage du Commerce",
)  # fmt: skip
