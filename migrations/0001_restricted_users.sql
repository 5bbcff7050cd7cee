-- One text for SQLite and Postgres. `bytewise_text` is a domain on Postgres (text that sorts byte by byte, as keyset
-- paging and prefix search need it) and plain text on SQLite, which always sorts so.

CREATE TABLE restrictions (
    id                   UUID PRIMARY KEY,
    address              bytewise_text NOT NULL,
    domain               bytewise_text NOT NULL,
    cause                TEXT NOT NULL,
    reason               TEXT NOT NULL,
    temporary            BOOLEAN NOT NULL,
    imported             BOOLEAN NOT NULL,
    ends_at              TIMESTAMPTZ,
    restricted_at        TIMESTAMPTZ NOT NULL,
    restricted_by        TEXT,
    changed_at           TIMESTAMPTZ NOT NULL,
    released_at          TIMESTAMPTZ,
    unblock_requested_by TEXT,
    unblock_requested_at TIMESTAMPTZ,
    takes_effect_at      TIMESTAMPTZ,
    unblock_comment      TEXT
);

-- At most one active restriction per sender; also the order "by address".
CREATE UNIQUE INDEX restrictions_active_address ON restrictions (address) WHERE released_at IS NULL;
-- A search for a domain finds its page of ids in here, in order.
CREATE INDEX restrictions_active_domain ON restrictions (domain, address, id) WHERE released_at IS NULL;
-- The order "by time" of every state. A release leaves it alone: two indexes, one for the active and one for the released,
-- would be two pages to change that no other release of the round changes.
CREATE INDEX restrictions_since ON restrictions (restricted_at, id);
-- What the unblocker asks for: who is due, and when the next one is. The second column counts the pending unblocks.
CREATE INDEX restrictions_due ON restrictions ((COALESCE(takes_effect_at, ends_at)), takes_effect_at)
    WHERE released_at IS NULL AND COALESCE(takes_effect_at, ends_at) IS NOT NULL;
CREATE INDEX restrictions_released_at ON restrictions (released_at) WHERE released_at IS NOT NULL;
-- The other restrictions a sender had. One index over all would do for both, but a new restriction had to be written to
-- it as well, at yet another place of the disk: an import of a million rows takes a fifth longer.
CREATE INDEX restrictions_released_address ON restrictions (address, id) WHERE released_at IS NOT NULL;

-- What happened to restrictions. The numbers follow the order of commits and have no gaps.
CREATE TABLE history (
    number         BIGINT PRIMARY KEY,
    restriction_id UUID NOT NULL REFERENCES restrictions (id),
    at             TIMESTAMPTZ NOT NULL,
    event          TEXT NOT NULL,
    actor          TEXT,
    comment        TEXT,
    detail         TEXT
);
CREATE INDEX history_restriction ON history (restriction_id, number);

-- Who did what. `record` holds the exact bytes that were hashed, the other columns are for finding it.
CREATE TABLE audit (
    number  BIGINT PRIMARY KEY,
    at      TIMESTAMPTZ NOT NULL,
    actor   TEXT NOT NULL,
    address TEXT,
    action  TEXT NOT NULL,
    record  TEXT NOT NULL,
    hash    TEXT NOT NULL
);
CREATE INDEX audit_address ON audit (address, number);
CREATE INDEX audit_actor ON audit (actor, number);

-- Recipients that were refused, by restriction and minute.
CREATE TABLE refusals (
    restriction_id UUID NOT NULL REFERENCES restrictions (id),
    minute         TIMESTAMPTZ NOT NULL,
    recipients     BIGINT NOT NULL,
    PRIMARY KEY (restriction_id, minute)
);

-- What has happened once and need not be found out again, such as the first question of a mail server.
CREATE TABLE milestones (
    name TEXT PRIMARY KEY,
    at   TIMESTAMPTZ NOT NULL
);

CREATE TABLE operators (
    id            UUID PRIMARY KEY,
    address       TEXT NOT NULL UNIQUE,
    role_group    TEXT NOT NULL,
    password_hash TEXT,
    created_at    TIMESTAMPTZ NOT NULL
);

-- Links to set a password, known by the SHA-256 of their secret. The one without an operator sets up the first.
CREATE TABLE one_time_links (
    secret_hash TEXT PRIMARY KEY,
    operator_id UUID REFERENCES operators (id) ON DELETE CASCADE,
    expires_at  TIMESTAMPTZ NOT NULL
);

-- Known by the SHA-256 of the cookie's value.
CREATE TABLE sessions (
    secret_hash  TEXT PRIMARY KEY,
    operator_id  UUID NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    created_at   TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL
);

-- Known by the SHA-256 of the token.
CREATE TABLE tokens (
    secret_hash TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    role_group  TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    expires_at  TIMESTAMPTZ
);
