"""The fields that a column can fill, and the names that columns commonly have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from anyascii import anyascii

from rcu.ingestion.messages import MessageType


class Kind(StrEnum):
    """How the text of a cell becomes the value of a field."""

    TEXT = "text"
    NUMBER = "whole number"
    TIME = "time"
    DAY = "day"
    BIRTH_DATE = "birth date"
    FULL_NAME = "name to take apart"
    FULL_ADDRESS = "address to take apart"
    COUNTRY = "country"
    LANGUAGE = "language"
    AMOUNT = "amount"
    IDENTIFIERS = "list of identifiers"
    LINES = "list of lines"
    SCALAR = "text, number or boolean"
    STRUCTURE = "JSON"


_CUSTOMER: Final = {
    f"customer.{name}": Kind.TEXT
    for name in (
        "external_id",
        "card",
        "email",
        "phone",
        "app_user",
        "device",
        "given_name",
        "family_name",
    )
} | {"customer": Kind.STRUCTURE}
_PAYMENT: Final = {
    "payments": Kind.STRUCTURE,
    "payment.method": Kind.TEXT,
    "payment.payment_token": Kind.TEXT,
    "payment.amount_cents": Kind.AMOUNT,
}

TARGETS: Final[Mapping[MessageType, Mapping[str, Kind]]] = {
    MessageType.PROFILE: {
        "message_id": Kind.TEXT,
        "external_id": Kind.TEXT,
        "occurred_at": Kind.TIME,
        "title": Kind.TEXT,
        "given_name": Kind.TEXT,
        "family_name": Kind.TEXT,
        "full_name": Kind.FULL_NAME,
        "birth_name": Kind.TEXT,
        "birth_date": Kind.BIRTH_DATE,
        "emails": Kind.IDENTIFIERS,
        "phones": Kind.IDENTIFIERS,
        "cards": Kind.IDENTIFIERS,
        "identifiers": Kind.STRUCTURE,
        "addresses": Kind.STRUCTURE,
        "address.full": Kind.FULL_ADDRESS,
        "address.lines": Kind.LINES,
        "address.postcode": Kind.TEXT,
        "address.city": Kind.TEXT,
        "address.country": Kind.COUNTRY,
        "language": Kind.LANGUAGE,
        "preferred_store": Kind.TEXT,
        "attributes": Kind.STRUCTURE,
        "consents": Kind.STRUCTURE,
    },
    MessageType.TICKET: {
        "message_id": Kind.TEXT,
        "ticket_id": Kind.TEXT,
        "kind": Kind.TEXT,
        "store": Kind.TEXT,
        "till": Kind.TEXT,
        "number": Kind.NUMBER,
        "business_date": Kind.DAY,
        "sold_at": Kind.TIME,
        "currency": Kind.TEXT,
        "total_cents": Kind.AMOUNT,
        "lines": Kind.STRUCTURE,
        "cashier": Kind.TEXT,
        "sellers": Kind.STRUCTURE,
        "channel": Kind.TEXT,
        "order_id": Kind.TEXT,
        "fulfilment": Kind.TEXT,
        "original": Kind.STRUCTURE,
        "original.source": Kind.TEXT,
        "original.ticket_id": Kind.TEXT,
        "original.store": Kind.TEXT,
        "original.till": Kind.TEXT,
        "original.business_date": Kind.DAY,
        "original.number": Kind.NUMBER,
    }
    | _PAYMENT
    | _CUSTOMER,
    MessageType.ORDER: {
        "message_id": Kind.TEXT,
        "order_id": Kind.TEXT,
        "status": Kind.TEXT,
        "occurred_at": Kind.TIME,
        "currency": Kind.TEXT,
        "total_cents": Kind.AMOUNT,
        "lines": Kind.STRUCTURE,
        "channel": Kind.TEXT,
        "store": Kind.TEXT,
        "sellers": Kind.STRUCTURE,
        "fulfilment": Kind.TEXT,
    }
    | _PAYMENT
    | _CUSTOMER,
    MessageType.EVENT: {
        "message_id": Kind.TEXT,
        "name": Kind.TEXT,
        "occurred_at": Kind.TIME,
        "channel": Kind.TEXT,
        "properties": Kind.STRUCTURE,
    }
    | _CUSTOMER,
    MessageType.CONSENT: {
        "message_id": Kind.TEXT,
        "purpose": Kind.TEXT,
        "channel": Kind.TEXT,
        "status": Kind.TEXT,
        "occurred_at": Kind.TIME,
        "how": Kind.TEXT,
        "wording": Kind.TEXT,
        "store": Kind.TEXT,
        "actor": Kind.TEXT,
    }
    | _CUSTOMER,
}
"""Every field of each type. A dot goes into a part: `customer.email`, `original.ticket_id`."""

OPEN_TARGETS: Final[Mapping[MessageType, Mapping[str, Kind]]] = {
    MessageType.PROFILE: {"identifiers": Kind.IDENTIFIERS, "attributes": Kind.SCALAR},
    MessageType.TICKET: {},
    MessageType.ORDER: {},
    MessageType.EVENT: {"properties": Kind.SCALAR},
    MessageType.CONSENT: {},
}
"""Fields with parts that the file names: `identifiers.national_id`, `attributes.shoe_size`."""

REQUIRED: Final[Mapping[MessageType, tuple[str, ...]]] = {
    MessageType.PROFILE: ("external_id",),
    MessageType.TICKET: ("sold_at", "total_cents"),
    MessageType.ORDER: ("order_id", "status"),
    MessageType.EVENT: ("name",),
    # When somebody agreed is part of the proof: the time of a file will not do.
    MessageType.CONSENT: ("purpose", "status", "occurred_at", "how"),
}
"""Without these no row can be right; any other `occurred_at` has a default, see the importer."""

_CUSTOMER_NAMES: Final = {
    "customer.external_id": "customer_ref customer_id customer_external_id client_ref id_client",
    "customer.card": "card card_number card_no carte numero_carte loyalty_card carte_fidelite",
    "customer.email": "email e_mail mail customer_email courriel",
    "customer.phone": "phone phone_number mobile customer_phone telephone tel",
    "customer.app_user": "app_user app_user_id",
    "customer.device": "device device_id",
    "customer.given_name": "given_name first_name firstname prenom",
    "customer.family_name": "family_name last_name lastname surname nom nom_de_famille",
}
_SALE_NAMES: Final = {
    "store": "store store_id store_code shop shop_id magasin code_magasin",
    "payment.payment_token": "payment_token payment_account_token par token",
    "payment.method": "payment_method moyen_paiement",
}
_TIME_NAMES: Final = "occurred_at updated_at modified_at changed_at created_at timestamp"

COLUMN_NAMES: Final[Mapping[MessageType, Mapping[str, str]]] = {
    MessageType.PROFILE: {
        "external_id": "record_id customer_id rec_id id_client client_id unique_id person_id id "
        "kundennummer kunden_nr numero_cliente klantnummer",
        "occurred_at": f"{_TIME_NAMES} date_maj date_creation",
        "title": "civilite civility salutation anrede",
        "given_name": "first_name firstname forename fname prenom vorname nombre voornaam",
        "family_name": "last_name lastname surname lname nom nom_de_famille nachname familienname "
        "apellido apellidos cognome achternaam sobrenome",
        "full_name": "fullname name nom_complet nom_et_prenom nom_prenom prenom_nom customer_name "
        "client_name",
        "birth_name": "maiden_name nom_de_naissance nom_naissance nom_jeune_fille geburtsname",
        "birth_date": "date_of_birth birthdate birthday dob naissance date_naiss date_naissance "
        "date_de_naissance ne_le "
        "geburtsdatum geburtstag fecha_nacimiento fecha_de_nacimiento data_di_nascita "
        "data_nascimento data_de_nascimento geboortedatum birth_year year_of_birth",
        "emails": "email email_1 email_2 email_3 e_mail mail courriel email_address adresse_email "
        "e_mail_adresse correo correo_electronico",
        "phones": "phone phone_1 phone_2 phone_3 phone_number mobile mobile_phone landline "
        "telephone telephone_1 telephone_2 tel tel_fixe tel_portable portable phone_num "
        "telefon telefonnummer handy mobil telefono telefone telefoon",
        "cards": "card card_1 card_2 card_number card_no carte numero_carte carte_fidelite "
        "loyalty_card",
        "address.full": "full_address address_full adresse_complete",
        "address.lines": "address address_1 address_2 address_3 address_line_1 address_line_2 "
        "address_line_3 street street_address adresse adresse_1 adresse_2 adresse_3 strasse "
        "anschrift direccion indirizzo endereco",
        "address.postcode": "postcode postal_code zip zip_code zipcode code_postal cp plz "
        "postleitzahl codigo_postal cap cep",
        "address.city": "city town suburb ville commune localite ort stadt wohnort ciudad citta "
        "cidade plaats woonplaats",
        "address.country": "country country_code pays code_pays",
        "language": "lang langue",
        "preferred_store": "store store_id favourite_store favorite_store magasin",
        "identifiers.payment_token": "payment_token",
        "identifiers.device": "device device_id",
        "identifiers.app_user": "app_user app_user_id",
    },
    MessageType.TICKET: {
        "ticket_id": "id_ticket receipt_id",
        "kind": "ticket_kind ticket_type",
        "till": "till_id register caisse code_caisse",
        "number": "ticket_number receipt_number numero_ticket",
        "business_date": "business_day date_comptable",
        "sold_at": "sale_time sale_datetime transaction_at ticket_at date_heure "
        "occurred_at timestamp",
        "currency": "devise",
        "total_cents": "total_amount_cents amount_cents",
        "cashier": "cashier_id vendeur caissier",
        "channel": "canal",
        "fulfilment": "fulfillment",
        "original.ticket_id": "original_ticket_id returned_ticket_id",
        "original.source": "original_source",
    }
    | _SALE_NAMES
    | _CUSTOMER_NAMES,
    MessageType.ORDER: {
        "order_id": "id_order order_number id_commande numero_commande",
        "status": "order_status state statut",
        "occurred_at": f"{_TIME_NAMES} status_at",
        "currency": "devise",
        "total_cents": "total_amount_cents amount_cents",
        "channel": "canal",
        "fulfilment": "fulfillment",
    }
    | _SALE_NAMES
    | _CUSTOMER_NAMES,
    MessageType.EVENT: {
        "name": "event event_name event_type",
        "occurred_at": f"{_TIME_NAMES} event_at event_time",
        "channel": "canal",
    }
    | _CUSTOMER_NAMES
    | {"customer.external_id": _CUSTOMER_NAMES["customer.external_id"] + " external_id user_id"},
    MessageType.CONSENT: {
        "purpose": "finalite",
        "channel": "canal",
        "status": "consent consent_status consentement statut",
        "occurred_at": f"consented_at {_TIME_NAMES} consent_at date_consentement",
        "how": "collected_by",
        "wording": "wording_version text_version version_texte",
        "store": "store_id store_code magasin",
        "actor": "staff seller vendeur",
    }
    | _CUSTOMER_NAMES
    | {"customer.external_id": _CUSTOMER_NAMES["customer.external_id"] + " external_id user_id"},
}
"""Names of columns that are understood without a mapping, the first found first. A field's own
name always is. Fields that hold lists take every column found; the others the first one."""

MANY_COLUMNS: Final = frozenset({Kind.IDENTIFIERS, Kind.LINES})

_SOURCE_NAMES: Final = frozenset({"source", "data_source"})
_NO_WORD: Final = re.compile(r"[^a-z0-9]+")
_NUMBER_BEHIND: Final = re.compile(r"(?<=[a-z])(?=\d+$)")
"""Where `phone2` is `phone_2`."""
_OPEN_PART: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def simple_name(column: str) -> str:
    """Return the name of a column as the tables above write it: `Code Postal` is `code_postal`."""
    return _NO_WORD.sub("_", anyascii(column).lower()).strip("_")


def find_source_column(columns: Iterable[str]) -> str | None:
    """Return the column that names the source of a row by its own name, or None."""
    return next((name for name in columns if simple_name(name) in _SOURCE_NAMES), None)


def find_kind(message_type: MessageType, target: str) -> Kind | None:
    """Return how the field `target` is written, or None when there is no such field."""
    if kind := TARGETS[message_type].get(target):
        return kind
    whole, dot, part = target.partition(".")
    if dot and _OPEN_PART.fullmatch(part):
        return OPEN_TARGETS[message_type].get(whole)
    return None


def match_columns(message_type: MessageType, columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the columns that fill each field by their names alone."""
    by_name: dict[str, list[str]] = {}
    for column in columns:
        numbered = _NUMBER_BEHIND.sub("_", simple_name(column))
        by_name.setdefault(numbered, []).append(column)
    matched: dict[str, list[str]] = {}
    taken: set[str] = set()
    for target, kind in TARGETS[message_type].items():
        _match(target, kind, by_name.get(simple_name(target), []), matched, taken)
    for target, names in COLUMN_NAMES[message_type].items():
        kind = find_kind(message_type, target) or Kind.TEXT
        found = [column for name in names.split() for column in by_name.get(name, [])]
        _match(target, kind, found, matched, taken)
    for column in columns:
        if "." in column and column not in taken and find_kind(message_type, column):
            matched.setdefault(column, []).append(column)
    if "given_name" in matched and (rest := matched.pop("full_name", None)):
        matched.setdefault("family_name", rest)  # beside a given name, `name` is the family's
    return matched


def _match(
    target: str, kind: Kind, found: list[str], matched: dict[str, list[str]], taken: set[str]
) -> None:
    free = [column for column in found if column not in taken]
    if kind not in MANY_COLUMNS:
        free = free[: 0 if target in matched else 1]
    if free:
        matched.setdefault(target, []).extend(free)
        taken.update(free)


def guess_type(columns: Iterable[str]) -> MessageType | None:
    """Return the type of the records by the names of their columns, or None when it is unclear."""
    names = {simple_name(column) for column in columns}
    if names & {"sold_at", "ticket_id", "total_cents", "till"} and not names & {"order_status"}:
        if "order_id" in names and "status" in names:
            return MessageType.ORDER
        return MessageType.TICKET
    if names & {"event", "event_name", "event_type"} or {"name", "properties"} <= names:
        return MessageType.EVENT
    if "order_id" in names:
        return MessageType.ORDER
    if {"purpose", "status"} <= names:
        return MessageType.CONSENT
    found = match_columns(MessageType.PROFILE, list(columns)).keys()
    persons = {"given_name", "family_name", "full_name", "emails", "phones", "cards", "birth_date"}
    return MessageType.PROFILE if found & persons else None
