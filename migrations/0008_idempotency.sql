-- Requests of the API that came with an Idempotency-Key, and how they were answered. The id is made of token and key, the
-- answer is sealed with a key made of the token, which nobody here knows: an answer may hold a new token or one-time link.
-- Without an answer a request is under way; `attempt` tells who began it last.
CREATE TABLE idempotent_requests (
    id          TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    attempt     UUID NOT NULL,
    begun_at    TIMESTAMPTZ NOT NULL,
    status      BIGINT,
    answer      TEXT
);
-- What retention deletes.
CREATE INDEX idempotent_requests_begun_at ON idempotent_requests (begun_at);

-- How many requests a token sent in a minute, where `api_rate_limit` is set. Replicas count together.
CREATE TABLE token_requests (
    secret_hash TEXT NOT NULL,
    minute      TIMESTAMPTZ NOT NULL,
    requests    BIGINT NOT NULL,
    PRIMARY KEY (secret_hash, minute)
);
