"""How people of several countries are named, live and are called: tables for `worlds`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Country:
    """One country. `#` in a pattern is a digit; what leads a list is commonest."""

    code: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    syllables: tuple[tuple[str, ...], ...]
    """Of which the rarer family names are put together."""
    streets: tuple[str, ...]
    """With `{}` for the number."""
    cities: tuple[str, ...]
    postcode: str
    phone: str
    domains: tuple[str, ...]
    dates: str
    date_order: str
    latin: Mapping[str, str] = field(default_factory=dict)
    """The names of another script as they are written in ours."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


def _in_two_scripts(text: str) -> dict[str, str]:
    """Return what is written in one script by what is in the other: `علي/Ali`."""
    return dict(pair.split("/") for pair in text.split())


_ARABIC_GIVEN = _in_two_scripts(
    """محمد/Mohamed أحمد/Ahmed علي/Ali حسن/Hassan حسين/Hussein خالد/Khaled يوسف/Youssef كريم/Karim
    إبراهيم/Ibrahim مصطفى/Mustafa فاطمة/Fatima عائشة/Aisha مريم/Mariam زينب/Zainab نور/Nour
    ليلى/Layla سارة/Sara سعيد/Said طارق/Tarek هدى/Huda منى/Mona رانيا/Rania محمود/Mahmoud
    ياسمين/Yasmin"""
)
_ARABIC_FAMILY = _in_two_scripts(
    """الحسن/Al-Hassan العلي/Al-Ali خوري/Khoury حداد/Haddad نجار/Najjar منصور/Mansour صالح/Saleh
    السيد/El-Sayed الشريف/Al-Sharif عثمان/Othman ناصر/Nasser سليمان/Suleiman رمضان/Ramadan
    فرج/Farag حمدان/Hamdan قاسم/Qasim جابر/Jaber زيدان/Zidane المصري/El-Masry درويش/Darwish
    البغدادي/Al-Baghdadi شاهين/Shahin خليل/Khalil عباس/Abbas غانم/Ghanem مرسي/Morsi"""
)
_ENGLISH_GIVEN = _words(
    """James Mary John Patricia Robert Jennifer Michael Linda David Elizabeth William Barbara
    Richard Susan Joseph Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew
    Betty Anthony Sandra Mark Margaret Donald Ashley Steven Kimberly Andrew Emily Paul Donna Joshua
    Michelle Kenneth Carol Kevin Amanda Brian Melissa George Deborah Timothy Stephanie"""
)
_GERMAN_ENDS = ("mann", "hauser", "stein", "bach", "berg", "feld", "hoff", "dorf", "ner", "gruber")

COUNTRIES = {
    "US": Country(
        "US",
        _ENGLISH_GIVEN,
        _words(
            """Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez
            Lopez Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson
            White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright"""
        ),
        (
            ("Black", "Hart", "Stan", "Whit", "Mor", "Cal", "Ash", "Brad", "Har", "Lang", "Win"),
            ("ing", "en", "ber", "der", "a", "le", "o"),
            ("ton", "ford", "well", "man", "field", "worth", "ley", "son", "more", "ham"),
        ),
        ("{} Main St", "{} Oak Avenue", "{} Maple Dr", "{} Washington Blvd", "{} Lake Road",
         "{} Cedar Ln", "{} Park Ave", "{} Elm Street", "{} Hill Court", "{} Sunset Drive"),
        _words("Springfield Franklin Clinton Madison Georgetown Salem Fairview Greenville Bristol"),
        "#####",
        "(2##) 5##-####",
        ("gmail.com", "yahoo.com", "hotmail.com", "aol.com", "comcast.net"),
        "%m/%d/%Y",
        "mdy",
    ),
    "GB": Country(
        "GB",
        _ENGLISH_GIVEN,
        _words(
            """Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright
            Thompson Evans Walker White Roberts Green Hall Thomas Clarke Jackson Wood Harris Khan
            Edwards Turner Martin Cooper Hill Ward Hughes Moore Clark King Harrison Lewis"""
        ),
        (
            ("Ather", "Burn", "Chester", "Dal", "Ecc", "Fair", "Gold", "Hath", "Ilk", "Kil"),
            ("", "e", "ing", "er"),
            ("ley", "ton", "by", "thorpe", "shaw", "wick", "combe", "den", "worth", "bridge"),
        ),
        ("{} High Street", "{} Church Lane", "{} Station Road", "{} Victoria Rd", "{} The Green",
         "Flat 2, {} Mill Lane", "{} Queens Road", "{} Manor Close", "{} Park View"),
        _words("London Leeds Bristol Sheffield Bradford Coventry Leicester Hull Derby Stoke"),
        "L## #AB",
        "07### ######",
        ("gmail.com", "hotmail.co.uk", "btinternet.com", "yahoo.co.uk", "sky.com"),
        "%d/%m/%Y",
        "dmy",
    ),
    "DE": Country(
        "DE",
        _words(
            """Peter Maria Michael Ursula Thomas Monika Andreas Petra Wolfgang Elisabeth Klaus
            Sabine Jürgen Renate Günter Helga Stefan Karin Christian Brigitte Uwe Ingrid Werner
            Erika Horst Andrea Frank Gisela Dieter Claudia Manfred Susanne Gerhard Gabriele Jörg
            Lukas Leon Mia Hannah Jonas Björn Käthe"""
        ),
        _words(
            """Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer
            Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann
            Hartmann Lange Schmitt Werner Krause Meier Lehmann Köhler Maier Weiß"""
        ),
        (("Stein", "Eber", "Ho", "Roth", "Lin", "Grün", "Bren", "Wald", "Schön"),
         ("", "en", "er", "el"), _GERMAN_ENDS),
        ("Hauptstraße {}", "Bahnhofstr. {}", "Gartenweg {}", "Schulstraße {}", "Dorfstr. {}",
         "Am Markt {}", "Lindenallee {}", "Goethestraße {}"),
        _words("Berlin Hamburg München Köln Frankfurt Stuttgart Düsseldorf Leipzig Essen Bremen"),
        "#####",
        "017# #######",
        ("gmx.de", "web.de", "t-online.de", "gmail.com", "freenet.de"),
        "%d.%m.%Y",
        "dmy",
    ),
    "ES": Country(
        "ES",
        _words(
            """Antonio María José Carmen Manuel Ana Francisco Isabel Juan Laura David Cristina
            Javier Marta Daniel Lucía Carlos Pilar Jesús Elena Alejandro Sara Miguel Paula Rafael
            Raquel Pedro Rosa Ángel Mercedes Sergio Julia Pablo Beatriz Fernando Teresa"""
        ),
        _words(
            """García_López Rodríguez_Pérez González_Ruiz Fernández_Gómez López_Martín
            Martínez_Sanz Sánchez_Díaz Pérez_Moreno Gómez_Álvarez Martín_Romero Jiménez_Navarro
            Ruiz_Torres Hernández_Gil Díaz_Serrano Moreno_Ramos Muñoz_Blanco Álvarez_Molina
            Romero_Ortega Alonso_Delgado Gutiérrez_Castro"""
        ),
        (("Garri", "Etxe", "Zabal", "Monte", "Villa", "Casti", "Alba", "Que"),
         ("ga", "be", "la", "ro", "se"), ("rría", "cedo", "nejo", "ndia", "ño", "rra", "tegui")),
        ("Calle Mayor {}", "C/ Real {}", "Avda. de la Constitución {}", "Plaza España {}",
         "Calle del Sol {} 2ºB", "Paseo del Prado {}"),
        _words("Madrid Barcelona Valencia Sevilla Zaragoza Málaga Murcia Palma Bilbao Alicante"),
        "#####",
        "6## ### ###",
        ("gmail.com", "hotmail.com", "yahoo.es", "telefonica.net"),
        "%d-%m-%Y",
        "dmy",
    ),
    "IT": Country(
        "IT",
        _words(
            """Giuseppe Maria Giovanni Anna Antonio Giuseppina Mario Rosa Luigi Angela Francesco
            Giovanna Angelo Teresa Vincenzo Lucia Pietro Carmela Salvatore Caterina Carlo Francesca
            Franco Anna_Maria Domenico Antonietta Bruno Carla Paolo Elena Michele Concetta Andrea"""
        ),
        _words(
            """Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo
            Conti De_Luca Mancini Costa Giordano Rizzo Lombardi Moretti Barbieri Fontana Santoro
            Mariani Rinaldi Caruso Ferrara Galli Martini Leone D'Angelo Di_Stefano"""
        ),
        (("Bran", "Cas", "Fio", "Gam", "Lo", "Mon", "Pel", "Sca", "Tor", "Zan"),
         ("ca", "ta", "ri", "be", "no"), ("relli", "vini", "ssetti", "goni", "llo", "cci")),
        ("Via Roma {}", "Via Garibaldi {}", "Corso Italia {}", "Piazza Dante {}", "V.le Europa {}",
         "Via G. Verdi {}"),
        _words("Roma Milano Napoli Torino Palermo Genova Bologna Firenze Bari Catania"),
        "#####",
        "3## #######",
        ("libero.it", "gmail.com", "alice.it", "tiscali.it", "virgilio.it"),
        "%d/%m/%Y",
        "dmy",
    ),
    "NL": Country(
        "NL",
        _words(
            """Johannes Maria Jan Anna Cornelis Johanna Hendrik Elisabeth Willem Cornelia Pieter
            Hendrika Daan Emma Sem Sophie Lucas Julia Bram Sanne Thijs Lotte Jeroen Femke Sander
            Marieke Joost Annemarie Kees Anouk Ruud Ingrid"""
        ),
        _words(
            """de_Jong Jansen de_Vries van_den_Berg van_Dijk Bakker Janssen Visser Smit Meijer
            de_Boer Mulder de_Groot Bos Vos Peters Hendriks van_Leeuwen Dekker Brouwer de_Wit
            Dijkstra Smits de_Graaf van_der_Meer van_der_Linden Kok Jacobs de_Haan Vermeulen"""
        ),
        (("Hoog", "Zon", "Wester", "Ooster", "Veld", "Kloos", "Boer", "Groen"),
         ("en", "e", "er"), ("dijk", "veld", "hof", "kamp", "burg", "stra", "ma", "horst")),
        ("Dorpsstraat {}", "Kerkstraat {}", "Molenweg {}", "Julianalaan {}", "Stationsweg {}",
         "Schoolstraat {}-A"),
        _words("Amsterdam Rotterdam Utrecht Eindhoven Groningen Tilburg Almere Breda Nijmegen"),
        "#### AB",
        "06-########",
        ("ziggo.nl", "kpnmail.nl", "gmail.com", "hotmail.com", "planet.nl"),
        "%d-%m-%Y",
        "dmy",
    ),
    "PL": Country(
        "PL",
        _words(
            """Piotr Anna Krzysztof Maria Andrzej Katarzyna Tomasz Małgorzata Jan Agnieszka Paweł
            Barbara Michał Ewa Marcin Krystyna Stanisław Elżbieta Jakub Magdalena Adam Joanna Marek
            Zofia Łukasz Teresa Grzegorz Monika Wojciech Danuta"""
        ),
        _words(
            """Nowak Kowalska Wiśniewski Wójcik Kowalczyk Kamińska Lewandowski Zieliński Szymańska
            Woźniak Dąbrowski Kozłowska Jankowski Mazur Kwiatkowska Krawczyk Kaczmarek Piotrowska
            Grabowski Zając Pawłowska Michalski Król Wieczorek Jabłońska Wróbel"""
        ),
        (("Brzo", "Cha", "Dob", "Gra", "Jas", "Kra", "Ma", "Ostro", "Prze"),
         ("zow", "lew", "row", "kow", "lin"), ("ski", "ska", "icz", "czyk", "ak", "ecki")),
        ("ul. Polna {}", "ul. Leśna {}", "Słoneczna {}", "ul. Krótka {}/4", "Szkolna {}",
         "al. Jana Pawła II {}"),
        _words("Warszawa Kraków Łódź Wrocław Poznań Gdańsk Szczecin Lublin Katowice Gdynia"),
        "##-###",
        "5## ### ###",
        ("wp.pl", "onet.pl", "o2.pl", "gmail.com", "interia.pl"),
        "%Y-%m-%d",
        "dmy",
    ),
    "IN": Country(
        "IN",
        _words(
            """Rahul Priya Amit Anjali Rajesh Sunita Sanjay Pooja Suresh Neha Vijay Kavita Anil
            Deepa Ravi Lakshmi Manoj Meena Ashok Rekha Arjun Divya Sunil Geeta Vikram Anita
            Ramesh Asha Kiran Shanti"""
        ),
        _words(
            """Kumar Singh Sharma Patel Gupta Reddy Das Verma Yadav Shah Rao Khan Nair Iyer Jain
            Mehta Joshi Mishra Pillai Chatterjee Banerjee Mukherjee Agarwal Desai Naidu"""
        ),
        (("Sri", "Ven", "Bal", "Rama", "Chan", "Sub"), ("kat", "su", "dra", "bra", "na"),
         ("murthy", "swamy", "manian", "pati", "than", "gar")),
        ("{} MG Road", "Flat {}, Gandhi Nagar", "{} Station Road", "H.No. {} Sector 4",
         "{} Nehru Street", "{}, 2nd Cross, Indira Nagar"),
        _words("Mumbai Delhi Bangalore Hyderabad Chennai Kolkata Pune Jaipur Lucknow"),
        "######",
        "9#########",
        ("gmail.com", "yahoo.co.in", "rediffmail.com", "hotmail.com"),
        "%d-%m-%Y",
        "dmy",
    ),
    "FR": Country(
        "FR",
        _words(
            """Marie Jean Pierre Michel Nathalie Philippe Isabelle Alain Sylvie Nicolas Catherine
            Christophe Martine Patrick Christine Laurent Françoise Stéphane Valérie Julien Sandrine
            David Céline Éric Chloé Léa Manon Lucas Hugo Enzo Anne-Sophie Jean-Luc Élodie Thibault
            Margaux Corentin Maëlys Loïc Gwenaëlle Yannick"""
        ),
        _words(
            """Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel
            Lefèvre Leroy Roux David Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine
            Rousseau Vincent Muller Faure Mercier Blanc Guérin Boyer Le_Gall De_La_Tour"""
        ),
        (("Beau", "Mont", "Char", "Lan", "Bré", "Gour", "Vau", "Per", "Tré", "Mar"),
         ("be", "pi", "do", "gue", "la", "ri", "ve"),
         ("lin", "gnac", "reau", "val", "ssier", "net", "rand", "vel", "dec")),
        ("{} rue de la Paix", "{} avenue Victor Hugo", "{} bd Gambetta", "{} rue des Lilas",
         "{} place de l'Église", "{} chemin du Moulin", "{} impasse des Acacias"),
        _words("Paris Lyon Marseille Nantes Lille Rennes Toulouse Bordeaux Nice Dijon"),
        "#####",
        "06 ## ## ## ##",
        ("gmail.com", "orange.fr", "free.fr", "hotmail.fr", "wanadoo.fr"),
        "%d/%m/%Y",
        "dmy",
    ),
    "EG": Country(
        "EG",
        tuple(_ARABIC_GIVEN),
        tuple(_ARABIC_FAMILY),
        (tuple(_ARABIC_FAMILY),),
        ("{} شارع التحرير", "{} شارع النيل", "{} شارع الجامعة"),
        _words("القاهرة الإسكندرية الجيزة طنطا أسوان المنصورة"),
        "#####",
        "010# ### ####",
        ("gmail.com", "yahoo.com", "hotmail.com", "outlook.com"),
        "%d/%m/%Y",
        "dmy",
        {**_ARABIC_GIVEN, **_ARABIC_FAMILY},
    ),
}  # fmt: skip
