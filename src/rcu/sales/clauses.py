"""Parts of statements that several share: what a ticket says of a person, and which order is its.

Constants all: no value of a message is ever a part of a statement.
"""

from __future__ import annotations

from typing import Final


def names_nobody(link: str, kinds: str) -> str:
    """Return the condition that a ticket shows identifiers, and none of them names a person.

    `link` is its column. Its record has to stand as `r`; `kinds` is the parameter that holds the
    kinds of identifiers that name somebody (`NAMING`).
    """
    return f"""(
        {link} = 'identifiers' AND r.kind = 'identifiers' AND NOT EXISTS (
            SELECT FROM identifier i WHERE i.record_id = r.id AND i.kind = ANY ({kinds}::text[])
        )
    )"""


ITS_ORDER: Final = """
    LEFT JOIN LATERAL (
        SELECT found.record_id, found.sellers FROM sales_order found
        WHERE found.order_id = t.order_id AND (found.source = t.source OR NOT EXISTS (
            SELECT FROM sales_order other
            WHERE other.order_id = t.order_id AND other.source <> found.source
        ))
    ) its_order ON true
"""
"""The order of a ticket `t`: that of its own source, else the only one of its number.

As `References.order` finds it for a ticket that comes.
"""
