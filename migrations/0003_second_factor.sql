-- An operator's secret for one-time codes (RFC 6238), in base32. It cannot be a hash, because codes are computed from it.
-- It counts once the operator has shown a code of it. `last_step` is the time step of the last code that was taken:
-- neither it nor an older one is taken again.
CREATE TABLE one_time_codes (
    operator_id  UUID PRIMARY KEY REFERENCES operators (id) ON DELETE CASCADE,
    secret       TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    confirmed_at TIMESTAMPTZ,
    last_step    BIGINT NOT NULL
);

-- Known by the SHA-256 of the code; a used one is deleted.
CREATE TABLE recovery_codes (
    operator_id UUID NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    code_hash   TEXT NOT NULL,
    PRIMARY KEY (operator_id, code_hash)
);

-- `credential` is the public key and the counter of signatures, as webauthn-rs writes them.
CREATE TABLE passkeys (
    id            UUID PRIMARY KEY,
    operator_id   UUID NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    credential_id TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    credential    TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    last_used_at  TIMESTAMPTZ
);
CREATE INDEX passkeys_operator ON passkeys (operator_id);

-- What an authenticator was asked to sign, until it answers. Known by the SHA-256 of the cookie of the browser that asked.
CREATE TABLE passkey_challenges (
    secret_hash TEXT PRIMARY KEY,
    state       TEXT NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL
);

-- Who has given the right password and not yet the second factor. Known by the SHA-256 of a cookie.
CREATE TABLE half_sign_ins (
    secret_hash TEXT PRIMARY KEY,
    operator_id UUID NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    attempts    BIGINT NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL
);

-- Sessions are listed and ended one by one. Those from before have no id to be named by: whoever has one signs in again.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN id UUID;
ALTER TABLE sessions ADD COLUMN client_address TEXT;
ALTER TABLE sessions ADD COLUMN browser TEXT;
