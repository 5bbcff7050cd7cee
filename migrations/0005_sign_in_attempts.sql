-- How often a password was tried, by what it was tried for (a part of an account's hash, a network, a known device)
-- and window of time. Replicas count together.
CREATE TABLE sign_in_attempts (
    subject   TEXT NOT NULL,
    window_at TIMESTAMPTZ NOT NULL,
    attempts  BIGINT NOT NULL,
    PRIMARY KEY (subject, window_at)
);

-- Wrong passwords of a minute that is not over: then they become one audit record. The account is empty for a name
-- that is no operator's, which is not kept because it may be a password.
CREATE TABLE sign_in_failures (
    account        TEXT NOT NULL,
    client_address TEXT NOT NULL,
    minute         TIMESTAMPTZ NOT NULL,
    failures       BIGINT NOT NULL,
    PRIMARY KEY (account, client_address, minute)
);

-- Browsers that somebody signed in with before, known by the SHA-256 of a cookie.
CREATE TABLE known_devices (
    secret_hash  TEXT PRIMARY KEY,
    operator_id  UUID NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    last_used_at TIMESTAMPTZ NOT NULL
);
