"""The SQL of a first load over the tables of its engine: messages, records, ids, clients."""

from __future__ import annotations

from rcu.bulk.load_stages import RECORD_FIELDS

UNREAD = "SELECT field, count(*) FROM (SELECT unnest(unread) AS field FROM understood) GROUP BY ALL"
"""How many messages hold a value that nobody can compare, by field."""

ACCEPTED = """
    CREATE TABLE first_line AS
    SELECT min(u.line) AS line FROM understood u
    WHERE u.source IS NOT NULL
      AND (u.source, u.message_id) NOT IN (SELECT source, message_id FROM known_message)
    GROUP BY u.source, u.message_id;
    CREATE TABLE message AS
    SELECT u.line, u.source, u.message_id, u.external_id, u.occurred_at, u.digest, u.payload
    FROM understood u WHERE u.line IN (SELECT line FROM first_line);
    CREATE TABLE again AS
    SELECT u.line, u.message_id, u.digest = coalesce(m.digest, k.digest) AS is_same
    FROM (
        SELECT line, source, message_id, digest FROM understood
        WHERE source IS NOT NULL AND line NOT IN (SELECT line FROM first_line)
    ) AS u
    LEFT JOIN message m ON m.source = u.source AND m.message_id = u.message_id
    LEFT JOIN known_message k ON k.source = u.source AND k.message_id = u.message_id;
    CREATE TABLE refused_row AS
    SELECT line, refused FROM understood WHERE refused IS NOT NULL;
    CREATE TABLE row_count AS
    SELECT count(*) AS rows, count(*) FILTER (source IS NULL AND refused IS NULL) AS left_out
    FROM understood;
"""
"""What becomes of the rows: a message id that was used before, here or in the database, is a replay
or a conflict."""

STATED_RECORDS = """
    SELECT concat(source, chr(31), external_id) AS key, source, external_id,
           min(line) AS arrival, count(*) AS messages
    FROM message GROUP BY source, external_id
"""
"""Each record that messages tell of, with the first of them."""

STATED_ONCE = f"""
    SELECT s.number, s.key, s.source, s.external_id, s.arrival,
           {", ".join(f"u.{field.name}" for field in RECORD_FIELDS)}
    FROM stated_record s JOIN understood u ON u.line = s.arrival
    WHERE s.messages = 1
"""
"""The records of which one message tells."""

STATEMENTS = """
    SELECT s.number, any_value(s.key) AS key, s.source, s.external_id,
           any_value(s.arrival) AS arrival,
           list(struct_pack(occurred_at := m.occurred_at, payload := m.payload)) AS messages
    FROM stated_record s
    JOIN message m ON m.source = s.source AND m.external_id = s.external_id
    WHERE s.messages > 1 AND {of_number}
    GROUP BY s.number, s.source, s.external_id
"""
"""The messages on each record of which several tell."""

RECORD_ID = """
    SELECT r.number, coalesce(f.id, g.new_id)::UUID AS id, f.id IS NOT NULL AS is_reference
    FROM record r JOIN given_id g ON g.number = r.number
    LEFT JOIN reference f ON f.source = r.source AND f.external_id = r.external_id
"""
"""The id of each record: its own, or that by which a fact has named it."""

IDENTITY = """
    SELECT i.number, p.cluster, i.id, i.is_reference, c.client_id
    FROM record_id i JOIN placed p ON p.number = i.number
    JOIN (
        SELECT p.cluster, min(i.id) AS client_id
        FROM record_id i JOIN placed p ON p.number = i.number GROUP BY p.cluster
    ) AS c ON c.cluster = p.cluster
"""
"""The id of each record, and that of its client: the oldest of its cluster."""

PROFILES_OF_CLIENTS = """
    SELECT i.client_id, r.source, r.external_id, r.profile
    FROM identity i JOIN record r ON r.number = i.number
    WHERE {of_cluster}
    ORDER BY i.cluster, i.number
"""
"""The profiles of the clients of a part, those of a client together."""

KNOWN_REFERENCES = """
    SELECT i.id, r.profile, r.features, f.client_id, i.client_id
    FROM identity i JOIN record r ON r.number = i.number JOIN reference f ON f.id::UUID = i.id
"""
"""The records that facts had named before, with the clients that they were in and are in."""
