"""Countries and languages as files write them, as the codes that a message takes.

A column of countries says `FR`, `fr`, `FRA` or `Frankreich`, one of languages `fr_FR`. What is none
of these says nothing: it is no reason to refuse the person that stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from rcu.identity.normalise.text import words

_TWO_LETTERS: Final = 2
_LANGUAGE: Final = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}))?(?:\.[\w-]+)?")

_THREE_LETTERS: Final = {
    three: two
    for two, three in (
        pair.split(":")
        for pair in """
        AD:AND AE:ARE AF:AFG AG:ATG AI:AIA AL:ALB AM:ARM AO:AGO AQ:ATA AR:ARG AS:ASM AT:AUT AU:AUS
        AW:ABW AX:ALA AZ:AZE BA:BIH BB:BRB BD:BGD BE:BEL BF:BFA BG:BGR BH:BHR BI:BDI BJ:BEN BL:BLM
        BM:BMU BN:BRN BO:BOL BQ:BES BR:BRA BS:BHS BT:BTN BV:BVT BW:BWA BY:BLR BZ:BLZ CA:CAN CC:CCK
        CD:COD CF:CAF CG:COG CH:CHE CI:CIV CK:COK CL:CHL CM:CMR CN:CHN CO:COL CR:CRI CU:CUB CV:CPV
        CW:CUW CX:CXR CY:CYP CZ:CZE DE:DEU DJ:DJI DK:DNK DM:DMA DO:DOM DZ:DZA EC:ECU EE:EST EG:EGY
        EH:ESH ER:ERI ES:ESP ET:ETH FI:FIN FJ:FJI FK:FLK FM:FSM FO:FRO FR:FRA GA:GAB GB:GBR GD:GRD
        GE:GEO GF:GUF GG:GGY GH:GHA GI:GIB GL:GRL GM:GMB GN:GIN GP:GLP GQ:GNQ GR:GRC GS:SGS GT:GTM
        GU:GUM GW:GNB GY:GUY HK:HKG HM:HMD HN:HND HR:HRV HT:HTI HU:HUN ID:IDN IE:IRL IL:ISR IM:IMN
        IN:IND IO:IOT IQ:IRQ IR:IRN IS:ISL IT:ITA JE:JEY JM:JAM JO:JOR JP:JPN KE:KEN KG:KGZ KH:KHM
        KI:KIR KM:COM KN:KNA KP:PRK KR:KOR KW:KWT KY:CYM KZ:KAZ LA:LAO LB:LBN LC:LCA LI:LIE LK:LKA
        LR:LBR LS:LSO LT:LTU LU:LUX LV:LVA LY:LBY MA:MAR MC:MCO MD:MDA ME:MNE MF:MAF MG:MDG MH:MHL
        MK:MKD ML:MLI MM:MMR MN:MNG MO:MAC MP:MNP MQ:MTQ MR:MRT MS:MSR MT:MLT MU:MUS MV:MDV MW:MWI
        MX:MEX MY:MYS MZ:MOZ NA:NAM NC:NCL NE:NER NF:NFK NG:NGA NI:NIC NL:NLD NO:NOR NP:NPL NR:NRU
        NU:NIU NZ:NZL OM:OMN PA:PAN PE:PER PF:PYF PG:PNG PH:PHL PK:PAK PL:POL PM:SPM PN:PCN PR:PRI
        PS:PSE PT:PRT PW:PLW PY:PRY QA:QAT RE:REU RO:ROU RS:SRB RU:RUS RW:RWA SA:SAU SB:SLB SC:SYC
        SD:SDN SE:SWE SG:SGP SH:SHN SI:SVN SJ:SJM SK:SVK SL:SLE SM:SMR SN:SEN SO:SOM SR:SUR SS:SSD
        ST:STP SV:SLV SX:SXM SY:SYR SZ:SWZ TC:TCA TD:TCD TF:ATF TG:TGO TH:THA TJ:TJK TK:TKL TL:TLS
        TM:TKM TN:TUN TO:TON TR:TUR TT:TTO TV:TUV TW:TWN TZ:TZA UA:UKR UG:UGA UM:UMI US:USA UY:URY
        UZ:UZB VA:VAT VC:VCT VE:VEN VG:VGB VI:VIR VN:VNM VU:VUT WF:WLF WS:WSM YE:YEM YT:MYT ZA:ZAF
        ZM:ZMB ZW:ZWE XK:XKX
        """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
    )
}
"""ISO 3166-1 alpha-3 to alpha-2."""

_ALSO: Final = {
    name: code
    for code, names in {
        "CD": "drcongo",
        "CZ": "czechia",
        "GB": "uk england scotland wales northernireland greatbritain britain grandebretagne",
        "GR": "hellas",
        "IR": "iranislamicrepublicof",
        "KR": "southkorea republicofkorea korea coreedusud",
        "KP": "northkorea",
        "MK": "northmacedonia",
        "NL": "holland thenetherlands",
        "RU": "russianfederation",
        "TR": "turkiye",
        "TW": "taiwan",
        "US": "us usa unitedstatesofamerica america etatsunisdamerique",
        "VN": "vietnam",
    }.items()
    for name in names.split()
}
"""Names in use that the tables of the phone library do not know."""


@lru_cache(maxsize=4096)
def to_country(text: str) -> str | None:
    """Return the country that a text means, as ISO 3166-1 alpha-2; None when it means none."""
    name = "".join(words(text))
    if found := _ALSO.get(name):
        return found
    code = text.strip().upper()
    if len(code) == _TWO_LETTERS and code.isascii() and code.isalpha():
        return code
    return _THREE_LETTERS.get(code) or (_names().get(name) if name else None)


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """Return the countries by their names, in every language that the phone library has them in."""
    from phonenumbers.geodata.locale import LOCALE_DATA

    found: dict[str, str] = {}
    for code, names in LOCALE_DATA.items():
        for name in names.values():
            if name and not name.startswith("*"):
                found.setdefault("".join(words(name)), code)
    return found


@lru_cache(maxsize=1024)
def to_language(text: str) -> str | None:
    """Return a language as `fr` or `fr-FR`, however its letters are cased; None when it is none."""
    found = _LANGUAGE.fullmatch(text.strip())
    if found is None:
        return None
    language, country = found.groups()
    return language.lower() + (f"-{country.upper()}" if country else "")
