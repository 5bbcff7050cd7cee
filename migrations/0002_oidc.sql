-- Whom an identity provider vouches for. Issuer and subject say who somebody is; the name is for people alone. Removing
-- the operator leaves a row without one, and this subject is refused until it is added again.
CREATE TABLE oidc_subjects (
    issuer      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    name        TEXT NOT NULL,
    operator_id UUID REFERENCES operators (id) ON DELETE SET NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX oidc_subjects_operator ON oidc_subjects (operator_id);
CREATE INDEX oidc_subjects_name ON oidc_subjects (name);

-- Sign-ins that have begun and whose browser is at the provider: each good once, from the same browser. State and
-- browser are known by their SHA-256.
CREATE TABLE oidc_sign_ins (
    state_hash   TEXT PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    nonce        TEXT NOT NULL,
    verifier     TEXT NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX oidc_sign_ins_expiry ON oidc_sign_ins (expires_at);

-- What the provider wants to see when such a session ends there too.
ALTER TABLE sessions ADD COLUMN id_token TEXT;
