"""What the engine found, in words: one sentence in English and in French for all it can say.

Sentences hold no personal data. Numbers are written as each language writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple

Language = Literal["en", "fr"]


class Sentence(NamedTuple):
    """One thing said in both languages."""

    en: str
    fr: str

    def within(self, en: str, fr: str) -> Sentence:
        """Return a longer sentence: this one stands where `{}` is."""
        return Sentence(en.format(self.en), fr.format(self.fr))

    def in_language(self, language: Language) -> str:
        """Return the sentence in one language."""
        return self.fr if language == "fr" else self.en


ATTRIBUTES: Final[Mapping[str, Sentence]] = {
    "prior": Sentence("before any evidence", "avant tout indice"),
    "given_name": Sentence("given name", "prénom"),
    "family_name": Sentence("family name", "nom"),
    "title": Sentence("title", "civilité"),
    "birth_date": Sentence("birth date", "date de naissance"),
    "email": Sentence("e-mail", "e-mail"),
    "phone": Sentence("phone", "téléphone"),
    "card": Sentence("loyalty card", "carte de fidélité"),
    "mistyped_card": Sentence("mistyped loyalty card", "carte de fidélité mal saisie"),
    "address": Sentence("address", "adresse"),
    "place": Sentence("town", "commune"),
    "national_id": Sentence("national id", "identifiant national"),
    "payment_token": Sentence("means of payment", "moyen de paiement"),
    "device": Sentence("device", "appareil"),
    "app_user": Sentence("app account", "compte de l'application"),
}
"""How an attribute is called. Any other kind of identifier is called by its own name."""

IDENTIFIER: Final = "identifier"
"""The attribute of the model document that speaks for every other kind of identifier."""

LEVELS: Final[Mapping[tuple[str, str], Sentence]] = {
    ("given_name", "exact"): Sentence("The given name is the same", "Le prénom est le même"),
    ("given_name", "nickname"): Sentence(
        "One given name is the short form of the other",
        "L'un des prénoms est le diminutif de l'autre",
    ),
    ("given_name", "same_sound"): Sentence(
        "The given names sound the same", "Les prénoms se prononcent de même"
    ),
    ("given_name", "typing_error"): Sentence(
        "The given names differ by a typing error", "Les prénoms diffèrent d'une faute de frappe"
    ),
    ("given_name", "part"): Sentence(
        "One given name is a part of the other", "L'un des prénoms est une partie de l'autre"
    ),
    ("given_name", "initial"): Sentence(
        "The initial of the given name agrees", "L'initiale du prénom concorde"
    ),
    ("given_name", "swapped"): Sentence(
        "The given name stands as family name on the other side",
        "Le prénom figure comme nom de l'autre côté",
    ),
    ("given_name", "resembling"): Sentence(
        "The given names resemble each other, which says nothing",
        "Les prénoms se ressemblent, ce qui ne prouve rien",
    ),
    ("given_name", "different"): Sentence(
        "The given names are different", "Les prénoms sont différents"
    ),
    ("family_name", "exact"): Sentence("The family name is the same", "Le nom est le même"),
    ("family_name", "birth_name"): Sentence(
        "The family name of one side is the birth name of the other",
        "Le nom d'un côté est le nom de naissance de l'autre",
    ),
    ("family_name", "particle"): Sentence(
        "The family names differ by a particle only", "Les noms ne diffèrent que d'une particule"
    ),
    ("family_name", "part"): Sentence(
        "The family names have one of their words in common",
        "Les noms ont un de leurs mots en commun",
    ),
    ("family_name", "nickname"): Sentence(
        "The names stand swapped, one as a short form",
        "Les noms sont intervertis, l'un sous forme de diminutif",
    ),
    ("family_name", "same_sound"): Sentence(
        "The family names sound the same", "Les noms se prononcent de même"
    ),
    ("family_name", "typing_error"): Sentence(
        "The family names differ by a typing error", "Les noms diffèrent d'une faute de frappe"
    ),
    ("family_name", "swapped"): Sentence(
        "The family name stands as given name on the other side",
        "Le nom figure comme prénom de l'autre côté",
    ),
    ("family_name", "resembling"): Sentence(
        "The family names resemble each other, which says nothing",
        "Les noms se ressemblent, ce qui ne prouve rien",
    ),
    ("family_name", "initial"): Sentence(
        "The initial of the family name agrees", "L'initiale du nom concorde"
    ),
    ("family_name", "different"): Sentence(
        "The family names are different", "Les noms sont différents"
    ),
    ("title", "same"): Sentence("The titles agree", "Les civilités concordent"),
    ("title", "different"): Sentence(
        "The titles contradict each other", "Les civilités s'opposent"
    ),
    ("birth_date", "exact"): Sentence(
        "The birth date is the same", "La date de naissance est la même"
    ),
    ("birth_date", "swapped"): Sentence(
        "Day and month of the birth date stand swapped",
        "Le jour et le mois de naissance sont intervertis",
    ),
    ("birth_date", "one_digit_different"): Sentence(
        "The birth dates differ by one digit",
        "Les dates de naissance diffèrent d'un chiffre",
    ),
    ("birth_date", "one_part_different"): Sentence(
        "The birth dates differ in the day, the month or the year only",
        "Les dates de naissance ne diffèrent que par le jour, le mois ou l'année",
    ),
    ("birth_date", "near_days"): Sentence(
        "The birth dates are at most a month apart",
        "Les dates de naissance sont à un mois au plus l'une de l'autre",
    ),
    ("birth_date", "two_slips"): Sentence(
        "The birth dates would be at most a month apart, were not the year mistaken too",
        "Les dates de naissance seraient à un mois au plus, si l'année n'était pas fausse aussi",
    ),
    ("birth_date", "resembling"): Sentence(
        "Day and month of birth are the same, the years are far apart",
        "Le jour et le mois de naissance sont les mêmes, les années sont éloignées",
    ),
    ("birth_date", "first_of_january"): Sentence(
        "Both say the first of January of one year, which often means the year alone",
        "Les deux indiquent le 1er janvier d'une même année, souvent faute de date connue",
    ),
    ("birth_date", "same_year"): Sentence(
        "The birth years agree, and one side may know the year only",
        "Les années de naissance concordent, et l'un des côtés ne connaît peut-être que l'année",
    ),
    ("birth_date", "near_year"): Sentence(
        "The years of birth, all that is known, are one or two apart",
        "Les années de naissance, seules connues, sont à un ou deux ans l'une de l'autre",
    ),
    ("birth_date", "vague"): Sentence(
        "A first of January, so perhaps no real birth date",
        "Un 1er janvier, donc peut-être pas une vraie date de naissance",
    ),
    ("birth_date", "different"): Sentence(
        "The birth dates are different", "Les dates de naissance sont différentes"
    ),
    ("email", "exact"): Sentence("The e-mail is the same", "L'e-mail est le même"),
    ("email", "domain_typing_error"): Sentence(
        "The e-mails differ by a typing error after the @",
        "Les e-mails diffèrent d'une faute de frappe après l'@",
    ),
    ("email", "resembling"): Sentence(
        "The e-mails resemble each other, which says nothing",
        "Les e-mails se ressemblent, ce qui ne prouve rien",
    ),
    ("email", "different"): Sentence("The e-mails are different", "Les e-mails sont différents"),
    ("email", "shared"): Sentence(
        "The e-mail is the same, but it is shared, so that it does not count",
        "L'e-mail est le même, mais il est partagé et ne compte pas",
    ),
    ("phone", "exact"): Sentence("The phone number is the same", "Le téléphone est le même"),
    ("phone", "landline"): Sentence(
        "The landline is the same, which speaks for a home rather than a person",
        "Le téléphone fixe est le même, ce qui désigne un foyer plus qu'une personne",
    ),
    ("phone", "typing_error"): Sentence(
        "The phone numbers differ by one digit", "Les téléphones diffèrent d'un chiffre"
    ),
    ("phone", "different"): Sentence(
        "The phone numbers are different", "Les téléphones sont différents"
    ),
    ("phone", "shared"): Sentence(
        "The phone number is the same, but it is shared, so that it does not count",
        "Le téléphone est le même, mais il est partagé et ne compte pas",
    ),
    ("card", "exact"): Sentence("The loyalty card is the same", "La carte de fidélité est la même"),
    ("card", "suspicious"): Sentence(
        "The card number is the same, but its check digit is wrong",
        "Le numéro de carte est le même, mais sa clé de contrôle est fausse",
    ),
    ("card", "typing_error"): Sentence(
        "The card numbers differ by one digit, and one of them is not valid",
        "Les numéros de carte diffèrent d'un chiffre, et l'un d'eux n'est pas valide",
    ),
    ("card", "different"): Sentence(
        "The loyalty cards are different", "Les cartes de fidélité sont différentes"
    ),
    ("card", "shared"): Sentence(
        "The loyalty card is the same, but it is shared, so that it does not count",
        "La carte est la même, mais elle est partagée et ne compte pas",
    ),
    ("address", "exact"): Sentence(
        "The address is the same, house number included",
        "L'adresse est la même, numéro compris",
    ),
    ("address", "street"): Sentence(
        "The street is the same, and a house number is missing",
        "La rue est la même, et il manque un numéro",
    ),
    ("address", "other_number"): Sentence(
        "The street is the same, the house numbers differ",
        "La rue est la même, les numéros diffèrent",
    ),
    ("address", "resembling"): Sentence(
        "The addresses resemble each other", "Les adresses se ressemblent"
    ),
    ("address", "different"): Sentence(
        "The addresses are different", "Les adresses sont différentes"
    ),
    ("place", "exact"): Sentence("The town is the same", "La commune est la même"),
    ("place", "postcode"): Sentence(
        "The postcode is the same, the towns differ",
        "Le code postal est le même, les communes diffèrent",
    ),
    ("place", "city"): Sentence(
        "The town is the same, by its name", "La commune est la même, par son nom"
    ),
    ("place", "typing_error"): Sentence(
        "The postcodes of the same town differ by one digit",
        "Les codes postaux d'une même commune diffèrent d'un chiffre",
    ),
    ("place", "different"): Sentence("The towns are different", "Les communes sont différentes"),
    (IDENTIFIER, "exact"): Sentence("Same {}", "Identique : {}"),
    (IDENTIFIER, "typing_error"): Sentence("One character apart: {}", "À un caractère près : {}"),
    (IDENTIFIER, "different"): Sentence("Different: {}", "Différent : {}"),
    (IDENTIFIER, "shared"): Sentence(
        "The same, but it is shared, so that it does not count: {}",
        "Identique, mais partagé, ce qui ne compte pas : {}",
    ),
}
"""Every level that a comparison can reach, as a clause without its full stop."""

GUARDS: Final[Mapping[str, Sentence]] = {
    "given_name": Sentence(
        "the given names are plainly those of two people",
        "les prénoms sont manifestement ceux de deux personnes",
    ),
    "birth_date": Sentence(
        "the birth dates are plainly those of two people",
        "les dates de naissance sont manifestement celles de deux personnes",
    ),
    "title": Sentence(
        "the titles contradict each other, and the given names are not the very same",
        "les civilités s'opposent, et les prénoms ne sont pas tout à fait les mêmes",
    ),
    "kin_of_one_name": Sentence(
        "two of e-mail, phone and card differ, and the birth date does not agree, or the given "
        "name not quite: they may be father and son of one name, or twins",
        "deux éléments parmi e-mail, téléphone et carte diffèrent, et la date de naissance ne "
        "concorde pas, ou le prénom pas tout à fait : il peut s'agir d'un père et d'un fils de "
        "même nom, ou de jumeaux",
    ),
    "brake": Sentence(
        "automatic merging by an identifier they share, or for the source of one of them, was "
        "stopped by a merge brake",
        "la fusion automatique par un identifiant commun, ou pour la source de l'une d'elles, "
        "a été arrêtée par un frein",
    ),
    "household_only": Sentence(
        "what agrees designates a household, not a person",
        "ce qui concorde désigne un foyer, non une personne",
    ),
    "names_alone": Sentence(
        "nothing but the names agrees, and names alone are no proof",
        "rien d'autre que les noms ne concorde, et les noms seuls ne prouvent rien",
    ),
}
"""Why a pair may not link, whatever its weight."""

REFUSALS: Final[Mapping[str, Sentence]] = {
    "judgement": Sentence(
        "a steward judged records of the two sides to be two people",
        "un gestionnaire a jugé que des fiches des deux côtés sont deux personnes",
    ),
    "contradiction": Sentence(
        "a record of one side contradicts a record of the other: {}",
        "une fiche d'un côté contredit une fiche de l'autre : {}",
    ),
    "too_many_values": Sentence(
        "one person would have too many different values of one kind: {}",
        "une même personne aurait trop de valeurs différentes d'un même type : {}",
    ),
    "kin_of_one_name": Sentence(
        "the two sides bear one name but each has its own e-mail, phone or card",
        "les deux côtés portent le même nom mais ont chacun leur e-mail, téléphone ou carte",
    ),
    "outweighed": Sentence(
        "the link is too weak against what the two sides have besides: different numbers of which "
        "a person has one, or nothing but a name that relatives elsewhere bear too",
        "le lien est trop faible face au reste des deux côtés : des numéros différents dont une "
        "personne n'a qu'un, ou rien qu'un nom que des parents portent aussi ailleurs",
    ),
    "weak_chain": Sentence(
        "one weak link speaks for it, and the other pairs between the two sides against it",
        "un seul lien faible plaide pour, et les autres paires entre les deux côtés contre",
    ),
    "rival": Sentence(
        "two different people claim the record, or bear the name that alone speaks for the link",
        "deux personnes différentes revendiquent la fiche, ou portent le nom qui seul rapproche",
    ),
}
"""Why the partition kept two groups of records apart although two of their records link."""

PLACEMENTS: Final[Mapping[str, Sentence]] = {
    "matching": Sentence("placed by match weights", "rattachée par les indices de rapprochement"),
    "own_record": Sentence(
        "named by a sale or an event before its profile arrived",
        "citée par une vente ou un événement avant l'arrivée de sa fiche",
    ),
    "card": Sentence("placed by a loyalty card", "rattachée par une carte de fidélité"),
    "app_scan": Sentence(
        "placed by a scan of the app", "rattachée par un passage de l'application"
    ),
    "email": Sentence("placed by an e-mail", "rattachée par un e-mail"),
    "phone": Sentence("placed by a phone number", "rattachée par un téléphone"),
    "payment_token": Sentence("placed by a means of payment", "rattachée par un moyen de paiement"),
    "device": Sentence("placed by a device", "rattachée par un appareil"),
    "none": Sentence("gathered without a known owner", "rassemblée sans titulaire connu"),
    "ambiguous": Sentence(
        "gathered without an owner: several clients hold its identifiers",
        "rassemblée sans titulaire : plusieurs clients portent ses identifiants",
    ),
    "shared": Sentence(
        "gathered without an owner: several clients use its means of payment",
        "rassemblée sans titulaire : plusieurs clients utilisent son moyen de paiement",
    ),
}
"""How a record came to its client; French agrees with *la fiche*."""


CHANGES: Final[Mapping[str, Sentence]] = {
    "merge": Sentence("Two clients became one", "Deux clients n'en font plus qu'un"),
    "split": Sentence(
        "Records left one client for another", "Des fiches ont quitté un client pour un autre"
    ),
    "move": Sentence(
        "Purchases without a profile went to another client",
        "Des achats sans fiche sont passés à un autre client",
    ),
    "follow": Sentence(
        "Purchases without a profile followed their client",
        "Des achats sans fiche ont suivi leur client",
    ),
}
"""What happened between two clients."""


def attribute_name(attribute: str) -> Sentence:
    """Return how an attribute, or a kind of identifier, is called."""
    named = ATTRIBUTES.get(attribute)
    if named is not None:
        return named
    words = attribute.replace("_", " ")
    return Sentence(words, words)


def level_sentence(attribute: str, level: str) -> Sentence:
    """Return the clause that says which level an attribute reached.

    A level that only a foreign model document knows is said by its name.
    """
    found = LEVELS.get((attribute, level))
    if found is not None:
        return found
    name = attribute_name(attribute)
    by_kind = LEVELS.get((IDENTIFIER, level))
    if attribute not in _COMPARED and by_kind is not None:
        return Sentence(by_kind.en.format(name.en), by_kind.fr.format(name.fr))
    words = level.replace("_", " ")
    return Sentence(f"{name.en}: {words}", f"{name.fr} : {words}")


_COMPARED: Final = frozenset(attribute for attribute, _ in LEVELS) - {IDENTIFIER}


def shared_sentence(kind: str, declared_by: str | None, since: datetime | None) -> Sentence:
    """Return why an identifier that two records have links nobody, and since when."""
    said = attribute_name(kind).within(*_SHARED[declared_by is not None])
    if declared_by is not None:
        said = Sentence(said.en.format(declared_by), said.fr.format(declared_by))
    if since is None:
        return Sentence(f"{said.en}.", f"{said.fr}.")
    return Sentence(
        f"{said.en}, since {since:%Y-%m-%d}.", f"{said.fr}, depuis le {since:%d/%m/%Y}."
    )


_SHARED: Final = {
    False: (
        "The same {} counts for nothing: too many different people hold it",
        "Identique mais sans valeur ({}) : trop de personnes différentes le portent",
    ),
    True: (
        "The same {} counts for nothing: it is shared, by declaration of {{}}",
        "Identique mais sans valeur ({}) : partagé, par déclaration de {{}}",
    ),
}


def refusal_sentence(reason: str, detail: str | None) -> Sentence:
    """Return why the partition refused a merge; `detail` is a guard or a kind of identifier."""
    sentence = REFUSALS[reason]
    if detail is None:
        return sentence
    said = GUARDS[detail] if detail in GUARDS else attribute_name(detail)
    return said.within(sentence.en, sentence.fr)


def bits(value: float, *, signed: bool = True) -> Sentence:
    """Return a weight with its unit, two digits after the point."""
    number = f"{value:+.2f}" if signed else f"{value:.2f}"
    return Sentence(f"{number} bits", f"{number.replace('.', ',')} bits")


def percentage(probability: float) -> Sentence:
    """Return a probability in per cent, never rounded to a certainty that it is not."""
    share = 100 * probability
    nearly_all, nearly_none = 99.99, 0.01
    if share > nearly_all:
        return Sentence("over 99.99%", "plus de 99,99 %")
    if share < nearly_none:
        return Sentence("under 0.01%", "moins de 0,01 %")
    number = f"{share:.2f}"
    return Sentence(f"{number}%", f"{number.replace('.', ',')} %")
