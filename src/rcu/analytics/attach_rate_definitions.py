"""What each figure of the attach rate means, in English and French; a versioned document.

Whoever changes what a figure counts changes `VERSION`: two figures are compared only when they were
counted by one definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VERSION: Final = "1"
"""The definitions in force; the migration that changes a figure changes it."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One word of the answers."""

    name: str
    """As the API, the CLI and the views call it."""
    en: str
    fr: str


DEFINITIONS: Final = (
    Definition(
        "tickets",
        "Sales that are not cancelled. A sale that a void cancels leaves every figure, whenever "
        "that comes. Returns are not counted, since they attach through their sale: kind=return "
        "asks for them apart. Tickets of a till in training are not sent to the RCU.",
        "Ventes non annulées. Une vente annulée quitte tous les chiffres, quel que soit le moment "
        "de l'annulation. Les retours ne comptent pas, puisqu'ils se rattachent par leur vente : "
        "kind=return les demande à part. Une caisse en mode école n'envoie pas ses tickets au RCU.",
    ),
    Definition(
        "attached_at_sale",
        "Tickets that were attached to a known client when they were received. It never changes "
        "afterwards. A client is known when one of their records is a profile.",
        "Tickets rattachés à un client connu au moment de leur réception. Ne change plus ensuite. "
        "Un client est connu lorsque l'une de ses fiches est un profil.",
    ),
    Definition(
        "attached_now",
        "Tickets attached to a known client by all that is known now, or was known at as_of: "
        "what was attached later is in it, what was detached since is not.",
        "Tickets rattachés à un client connu par tout ce que l'on sait aujourd'hui, ou savait à "
        "as_of : les rattachements ultérieurs y sont, ce qui fut détaché depuis n'y est plus.",
    ),
    Definition(
        "rate_at_sale, rate_now",
        "Attached tickets over tickets; of amounts: cents of attached tickets over cents of "
        "tickets, in one currency. Null where there is nothing to divide by.",
        "Tickets rattachés sur tickets ; en montant : centimes des tickets rattachés sur centimes "
        "des tickets, par devise. Nul quand il n'y a rien à diviser.",
    ),
    Definition(
        "missed",
        "Missed recognitions: tickets attached to nobody when they were received although the "
        "evidence was there. Either what was shown was certainly a client's (a card was read "
        "wrong; an identifier or a means of payment that several known clients hold: mistyped, "
        "ambiguous, shared), or the ticket is attached now to a client who was known already "
        "when it was received.",
        "Reconnaissances manquées : tickets rattachés à personne à leur réception alors que "
        "l'indice était là. Soit ce qui fut présenté était certainement d'un client (carte mal "
        "saisie ; identifiant ou moyen de paiement que plusieurs clients connus détiennent : "
        "mistyped, ambiguous, shared), soit le ticket est rattaché aujourd'hui à un client déjà "
        "connu lors de sa réception.",
    ),
    Definition(
        "missed_by_reason",
        "Missed recognitions by what happened at the sale: not_asked (nothing was given that "
        "names a person), unknown (what was given was of nobody known then), mistyped, unreadable "
        "(a placeholder or a fragment), ambiguous (of several clients), shared (only a means of "
        "payment, which several clients use).",
        "Reconnaissances manquées par ce qui se passa à la vente : not_asked (rien de nominatif "
        "ne fut demandé ou donné), unknown (identifiant alors inconnu), mistyped (mal saisi), "
        "unreadable (valeur factice ou fragment), ambiguous (de plusieurs clients), shared "
        "(seulement un moyen de paiement, commun à plusieurs clients).",
    ),
    Definition(
        "accounts_opened",
        "New accounts opened at the till: sales that name a record of a till's source (kind pos) "
        "whose profile came for the first time in the 24 hours before or after the sale was "
        "received. Each account is counted once, with the first such sale.",
        "Comptes ouverts en caisse : ventes qui désignent une fiche d'une source de caisse (genre "
        "pos) dont le profil est arrivé pour la première fois dans les 24 heures avant ou après "
        "la réception de la vente. Chaque compte compte une fois, avec la première de ces ventes.",
    ),
    Definition(
        "sale_method, method",
        "What ties a ticket to its client, at the sale and as known now: own_record, card, "
        "app_scan, email, phone, payment_token, device, return_link, order_reference, claim, "
        "steward. Null when it is attached to nobody.",
        "Ce qui rattache un ticket à son client, à la vente et aujourd'hui : own_record, card, "
        "app_scan, email, phone, payment_token, device, return_link, order_reference, claim, "
        "steward. Nul quand il n'est rattaché à personne.",
    ),
    Definition(
        "sale_reason, reason",
        "Why a ticket is attached to nobody, at the sale and as known now: the reasons of "
        "missed_by_reason, and detached (a steward said so). Null when it is attached.",
        "Pourquoi un ticket n'est rattaché à personne, à la vente et aujourd'hui : les motifs de "
        "missed_by_reason, et detached (décision d'un gestionnaire). Nul quand il est rattaché.",
    ),
    Definition(
        "day, week, month, hour",
        "Of the business day of the ticket, which is that of the store's time zone; weeks are "
        "those of ISO 8601. The hour is that of the sale on the store's clock.",
        "De la journée comptable du ticket, dans le fuseau du magasin ; les semaines sont celles "
        "de la norme ISO 8601. L'heure est celle de la vente à l'horloge du magasin.",
    ),
    Definition(
        "as_of",
        "What was known at a time: tickets received until then, as their records stood then. "
        "Figures of a time before the RCU kept such changes are those of its oldest change.",
        "Ce que l'on savait à un moment : les tickets reçus jusque-là, avec leurs fiches d'alors. "
        "Avant le premier changement conservé par le RCU, ce sont les chiffres de celui-ci.",
    ),
)
"""Every word of the answers."""
